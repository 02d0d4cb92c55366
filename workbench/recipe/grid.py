"""Grids: one recipe in every combination of some of its fields' values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from workbench.errors import BadInputError
from workbench.recipe import storage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.recipe.recipe import Recipe

_BETWEEN_VALUES = re.compile(r",(?![^\[{]*[\]}])")
"""A comma outside of brackets."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._]+")
_NAME_LENGTH = 64


@dataclass(frozen=True)
class Combination:
    """One point of a grid: the name of the whole, what it sets, and the recipe with that set."""

    grid: str
    settings: dict[str, str]
    recipe: Recipe


def combinations(
    source: str, axes: Sequence[str], overrides: Sequence[str] = ()
) -> list[Combination]:
    """Read a recipe in every combination of ``field=value,value`` axes, the last changing fastest.

    Each is named after the recipe and what it sets.

    Raises:
        NotFoundError: There is no such recipe.
        BadInputError: An axis is not written so, or a combination is no valid recipe.
    """
    parsed = dict(map(_axis, axes))
    if len(parsed) < len(axes):
        raise BadInputError("--grid: a field is there twice; write all of its values in one")
    points = [dict(zip(parsed, values, strict=True)) for values in product(*parsed.values())]
    return [_combination(source, overrides, point, place) for place, point in enumerate(points, 1)]


def _axis(text: str) -> tuple[str, list[str]]:
    field, _, values = text.partition("=")
    words = [word.strip() for word in _BETWEEN_VALUES.split(values)]
    if not field.strip() or not all(words):
        raise BadInputError(f"--grid {text}: write it as field=value,value")
    if len(set(words)) < len(words):
        raise BadInputError(f"--grid {text}: a value is there twice")
    return field.strip(), words


def _combination(
    source: str, overrides: Sequence[str], point: dict[str, str], place: int
) -> Combination:
    assignments = [*overrides, *(f"{field}={value}" for field, value in point.items())]
    try:
        recipe = storage.load_file(source, assignments)
    except BadInputError as error:
        raise type(error)(f"{' '.join(assignments[len(overrides) :])}: {error}") from error
    name = _name(recipe.name, point, place)
    return Combination(recipe.name, point, recipe.model_copy(update={"name": name}))


def _name(stem: str, point: dict[str, str], place: int) -> str:
    """``lora-r-8-learning_rate-1e-4``, or the place in the grid where that is too long."""
    parts = [f"{field.rpartition('.')[2]}-{value}" for field, value in point.items()]
    words = [_NOT_IN_NAMES.sub("-", part).strip("-") for part in parts]
    name = "-".join([stem, *words])
    return name if len(name) <= _NAME_LENGTH else f"{stem[: _NAME_LENGTH - 5]}-{place}"
