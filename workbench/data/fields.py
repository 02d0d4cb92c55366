"""Taking the fields of one row, and saying what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class UnfitError(ValueError):
    """A row that is not what its format says."""


def first_present(names: Sequence[str], values: Mapping[str, object]) -> str:
    """The first of ``names`` that the row has; raises :class:`UnfitError` where it has none."""
    for name in names:
        if name in values:
            return name
    raise UnfitError(f"no {' or '.join(map(repr, names))}")


def text_of(values: Mapping[str, object], name: str) -> str:
    """The text in a field, null being none; raises :class:`UnfitError` for any other value."""
    value = values[name]
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnfitError(f"{name!r} is {kind_of(value)}, not text")
    return value


def kind_of(value: object) -> str:
    """What a JSON value is, in words for an error."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case Mapping():
            return "an object"
        case _:
            return "a list" if isinstance(value, (list, tuple)) else f"a {type(value).__name__}"
