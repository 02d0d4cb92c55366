"""Recipes to YAML and back without loss, with overrides from the command line."""

from __future__ import annotations

import re
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from workbench.core import locations
from workbench.core.errors import BadInputError, NotFoundError
from workbench.recipe.recipe import Recipe
from workbench.recipe.validation_errors import Problem, problems_of, unknown_field
from workbench.recipe.yaml_limits import excess

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


_LINE_BREAKS = re.compile(r"[\x85\u2028\u2029\ufeff]")
"""Characters that YAML reads as line breaks or drops, so that they must be escaped."""
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_LONGEST_PROBLEM = 300
_PROBLEMS_LISTED = 5
"""Wrong fields named in one error; a recipe of another version can have dozens."""


class _Loader(yaml.SafeLoader):
    """Reads floats as YAML 1.2 does: ``5e-4`` is a number, which YAML 1.1 reads as a string."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    """Quotes strings that :class:`_Loader` would read as numbers, such as ``0E0``."""


for _class in (_Loader, _Dumper):
    _class.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
        list("-+0123456789."),
    )


def dump(recipe: Recipe) -> str:
    """Write a recipe as YAML, with every field."""
    values = recipe.model_dump(mode="json")
    readable = not _LINE_BREAKS.search(recipe.model_dump_json())
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=readable, width=100)


def load(text: str, *, source: str = "recipe") -> Recipe:
    """Read a recipe from YAML.

    Raises:
        BadInputError: It is not YAML or not a mapping, or a field is invalid.
    """
    return validate(parse(text, source=source), source=source)


def load_file(name: Path | str, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe from a file or a preset, then apply ``a.b=c`` overrides.

    Raises:
        NotFoundError: No file and no preset has that name.
        BadInputError: The file or an override is invalid.
    """
    path = Path(name).expanduser()
    try:
        text = (path if path.is_file() else _preset_path(str(name))).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{name}: cannot be read: {error}") from error
    return validate(override(parse(text, source=str(name)), overrides), source=str(name))


def parse(text: str, *, source: str, what: str = "a recipe") -> dict[str, Any]:
    """Read YAML that must be a mapping.

    Args:
        text: The YAML.
        source: Where it is from, for errors.
        what: What it should be, for errors.

    Raises:
        BadInputError: It is not YAML, or not a mapping.
    """
    try:
        too_much = excess(text)
        values = None if too_much else yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        problem = shortened(getattr(error, "problem", None) or "cannot be parsed")
        raise BadInputError(f"{source}: not YAML{where}: {problem}") from error
    except ValueError as error:
        raise BadInputError(f"{source}: {what} holds a number or a date that is none") from error
    if too_much:
        raise BadInputError(f"{source}: too much for {what}: {too_much}")
    if not isinstance(values, dict):
        raise BadInputError(
            f"{source}: {what} must be a mapping of fields, not {type(values).__name__}"
        )
    return values


def validate(values: Mapping[str, Any], *, source: str = "recipe") -> Recipe:
    """Turn plain values into a recipe.

    Raises:
        BadInputError: One line that names the invalid fields.
    """
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        problems = problems_of(error, Recipe)
        shown = problems[:_PROBLEMS_LISTED]
        listed = [str(Problem(shortened(path), shortened(message))) for path, message in shown]
        if more := len(problems) - len(shown):
            listed.append(f"and {more} more")
        raise BadInputError(f"{source}: {'; '.join(listed)}") from error


def shortened(text: str) -> str:
    """A text that quotes its input, short enough for a line on screen."""
    return text if len(text) <= _LONGEST_PROBLEM else f"{text[: _LONGEST_PROBLEM - 1]}…"


def override(values: dict[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Apply ``a.b=c`` assignments to plain values; the right-hand side is read as YAML.

    A field of text takes it as it is: no ``#`` cuts it, and no digits become a number. A new
    ``strategy.kind`` drops the fields of the old one.

    Raises:
        BadInputError: An assignment is malformed, or goes into something that is not a section.
    """
    result: dict[str, Any] = dict(values)
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key:
            raise BadInputError(f"--set {assignment}: write it as field=value")
        path = key.strip().split(".")
        read = _text if _takes_text(Recipe, path) else _scalar
        _assign(result, path, read(value), assignment)
    return result


def presets() -> dict[str, Path]:
    """The shipped recipes by name."""
    return {path.stem: path for path in sorted((locations.presets() / "recipes").glob("*.yaml"))}


def _preset_path(name: str) -> Path:
    paths = presets()
    if name not in paths:
        raise NotFoundError(
            f"{name}: no such recipe file, and no preset of that name; presets: {', '.join(paths)}"
        )
    return paths[name]


def _scalar(value: str) -> Any:
    try:
        return yaml.load(value, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError):
        return value


def _text(value: str) -> Any:
    """A text as it stands, or what stands in quotation marks; None for YAML's words for it."""
    stripped = value.strip()
    if stripped in _NULLS:
        return None
    quoted = _scalar(stripped) if stripped[0] in "\"'" else None
    return quoted if isinstance(quoted, str) else stripped


def _takes_text(annotation: Any, path: Sequence[str]) -> bool:
    """Whether the field at ``path`` of a type takes text, and nothing else but None."""
    members = get_args(annotation) or (annotation,)
    if not path:
        return str in members and {*members} <= {str, NoneType}
    sections = [m for m in members if isinstance(m, type) and issubclass(m, BaseModel)]
    named = [each.model_fields[path[0]] for each in sections if path[0] in each.model_fields]
    return bool(named) and all(_takes_text(each.annotation, path[1:]) for each in named)


def _assign(values: dict[str, Any], path: list[str], value: Any, assignment: str) -> None:
    if len(path) == 1:
        values[path[0]] = value
        return
    inner = values.get(path[0])
    if inner is not None and not isinstance(inner, dict):
        hint = unknown_field(".".join(path), Recipe)
        raise BadInputError(f"--set {assignment}: {hint}")
    changes_kind = path[1:] == ["kind"] and (inner or {}).get("kind") != value
    values[path[0]] = {} if changes_kind else dict(inner or {})
    _assign(values[path[0]], path[1:], value, assignment)
