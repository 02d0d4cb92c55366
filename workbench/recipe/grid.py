"""Grids: a recipe in every combination of values for some of its fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.recipe import yaml_io

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from workbench.recipe.recipe import Recipe

_BETWEEN_VALUES = re.compile(r",(?![^\[{]*[\]}])")
"""A comma outside brackets."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._]+")
_NAME_LENGTH = 64


@dataclass(frozen=True)
class Combination:
    """One point of a grid.

    Attributes:
        grid: The name of the whole grid.
        settings: The value of each field that the grid varies, as typed.
        recipe: The recipe with these values.
    """

    grid: str
    settings: dict[str, str]
    recipe: Recipe


def combinations(
    source: str, axes: Sequence[str], overrides: Sequence[str] = ()
) -> list[Combination]:
    """Read a recipe in every combination of ``field=value,value`` axes, the last changing fastest.

    Each combination is named after the recipe and its settings.

    Args:
        source: A recipe file or a preset.
        axes: The fields to vary, with their values.
        overrides: ``field=value`` assignments that all combinations share.

    Raises:
        NotFoundError: There is no such recipe.
        BadInputError: An axis is malformed, or a combination is not a valid recipe.
    """
    parsed = dict(map(_axis, axes))
    if len(parsed) < len(axes):
        raise BadInputError("--grid: duplicate field; list its values once, separated by commas")
    return _combined(parsed, lambda sets: yaml_io.load_file(source, [*overrides, *sets]))


def combinations_of(recipe: Recipe, axes: Mapping[str, str]) -> list[Combination]:
    """As :func:`combinations`, for a recipe in memory.

    Args:
        recipe: What to vary.
        axes: By field, its values as typed, separated by commas.

    Raises:
        BadInputError: A value is missing or a duplicate, or a combination is not a valid recipe.
    """
    usage = "a value is missing beside a comma"
    parsed = {field: _values(field, text, usage) for field, text in axes.items()}
    values = recipe.model_dump(mode="json")
    return _combined(
        parsed, lambda sets: yaml_io.validate(yaml_io.override(values, sets), source=recipe.name)
    )


def _axis(text: str) -> tuple[str, list[str]]:
    field, _, values = text.partition("=")
    usage = "write it as field=value,value"
    if not field.strip():
        raise BadInputError(f"--grid {text}: {usage}")
    return field.strip(), _values(f"--grid {text}", values, usage)


def _values(what: str, text: str, usage: str) -> list[str]:
    words = [word.strip() for word in _BETWEEN_VALUES.split(text)]
    if not all(words):
        raise BadInputError(f"{what}: {usage}")
    if len(set(words)) < len(words):
        raise BadInputError(f"{what}: duplicate value")
    return words


def _combined(
    axes: Mapping[str, Sequence[str]], read: Callable[[list[str]], Recipe]
) -> list[Combination]:
    """One combination for every point; ``read`` returns the recipe with assignments applied."""
    points = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    return [_combination(point, number, read) for number, point in enumerate(points, 1)]


def _combination(
    point: dict[str, str], number: int, read: Callable[[list[str]], Recipe]
) -> Combination:
    assignments = [f"{field}={value}" for field, value in point.items()]
    try:
        recipe = read(assignments)
    except BadInputError as error:
        raise type(error)(f"{' '.join(assignments)}: {error}") from error
    name = _name(recipe.name, point, number)
    return Combination(recipe.name, point, recipe.model_copy(update={"name": name}))


def _name(stem: str, point: dict[str, str], number: int) -> str:
    """``lora-r-8-learning_rate-1e-4``, or a number where that is too long."""
    parts = [f"{field.rpartition('.')[2]}-{value}" for field, value in point.items()]
    words = [_NOT_IN_NAMES.sub("-", part).strip("-") for part in parts]
    name = "-".join([stem, *words])
    return name if len(name) <= _NAME_LENGTH else f"{stem[: _NAME_LENGTH - 5]}-{number}"
