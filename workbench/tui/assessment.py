"""From the values of the form to a recipe or its problems, its command line and its plan."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from workbench.recipe import yaml_io
from workbench.recipe.recipe import Recipe
from workbench.recipe.validation_errors import Problem, problems_of
from workbench.tui.forms import Values, flat
from workbench.tui.ftwb_process import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.planning.plan import Plan
    from workbench.planning.risk import Remedy

_PLAIN_WORD = re.compile(r"[\w./~-]+(:[\w./-]+)*")


@dataclass(frozen=True)
class Assessment:
    """The form as a recipe, or the problems that prevent it.

    Attributes:
        recipe: The recipe with absolute paths; None while a field is invalid.
        command: The same run on the command line.
        yaml: The same run as a file.
    """

    recipe: Recipe | None
    problems: tuple[Problem, ...] = ()
    command: str = ""
    yaml: str = ""


def load_presets() -> dict[str, Recipe]:
    """The shipped recipes by name."""
    return {name: yaml_io.load_file(path) for name, path in yaml_io.presets().items()}


def plain(recipe: Recipe) -> Values:
    """A recipe as nested plain values."""
    return recipe.model_dump(mode="json")


def assess(values: Mapping[str, Any], preset: str, base: Recipe) -> Assessment:
    """Validate the values of a form that started from ``preset``, whose recipe is ``base``."""
    from workbench.planning.preflight import resolve_paths

    try:
        recipe = resolve_paths(Recipe.model_validate(values))
    except ValidationError as error:
        return Assessment(None, tuple(problems_of(error, Recipe)))
    return Assessment(recipe, (), command_line(recipe, preset, base), yaml_io.dump(recipe))


def command_line(recipe: Recipe, preset: str, base: Recipe) -> str:
    """The command that starts ``recipe``, written as changes to the preset it started from."""
    if not preset:
        return "ftwb train recipe.yaml"
    arguments = ["ftwb", "train", preset]
    for change in changes(recipe, base):
        arguments += ["--set", change]
    return shlex.join(arguments)


def changes(recipe: Recipe, base: Recipe) -> list[str]:
    """The ``field=value`` assignments that turn ``base`` into ``recipe``."""
    new, old = flat(plain(recipe)), flat(plain(base))
    if new["strategy.kind"] != old["strategy.kind"]:
        old = {path: value for path, value in old.items() if not path.startswith("strategy.")}
    return [
        f"{path}={_as_yaml(value)}"
        for path, value in new.items()
        if path not in old or old[path] != value
    ]


def make_plan(recipe: Recipe) -> Plan:
    """Steps, rows and trainable parameters, from files alone.

    Raises:
        FtwbError: The model, the data or the strategy cannot be used like this.
    """
    from workbench.planning.preflight import preflight

    return preflight(recipe)


def remedied(values: Values, remedy: Remedy) -> Values:
    """The values of a form after setting the switch that lowers the risk of forgetting."""
    return yaml_io.override(values, remedy.settings)


async def count_tokens(recipe: Recipe) -> int:
    """Count the tokens of a run in a separate process, which ends when this is cancelled.

    Raises:
        FtwbError: They cannot be counted.
    """
    estimate = await read_json("estimate", "-", "--json", text=yaml_io.dump(recipe))
    return int(estimate["tokens"])


def logout_caution() -> str:
    """What would end a worker when the user logs out; empty where nothing would."""
    from workbench.hardware.session import check_logout

    check = check_logout()
    return f"{check.message}; {check.remedy}." if check.state == "warn" else ""


def _as_yaml(value: Any) -> str:
    """A value as YAML in one line: a plain word if YAML reads it back as itself, else JSON."""
    is_plain = isinstance(value, str) and _PLAIN_WORD.fullmatch(value)
    if is_plain and yaml_io.parse(f"x: {value}", source="") == {"x": value}:
        return str(value)
    return json.dumps(value, ensure_ascii=False)
