"""One row of a dataset as it was read, and what can be wrong with rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from workbench.core.errors import BadInputError
from workbench.core.formatting import percent
from workbench.recipe.data import MAX_DROPPED

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBERS_LISTED = 3
_REASONS_LISTED = 3


@dataclass(frozen=True)
class Row:
    """One record of a source.

    Attributes:
        number: The line it starts on, or its position, from 1.
        values: Its fields.
    """

    number: int
    values: Mapping[str, object]


class RowFault(NamedTuple):
    """A row that cannot be used: its number, from 1, and why."""

    number: int
    reason: str


class UnfitRowError(ValueError):
    """A row does not fit the format of its dataset."""


def absent(value: object) -> bool:
    """Whether a field that is present means nothing: null or NaN.

    Arrow gives every row every field of its table, and pandas writes NaN where it has no value.
    """
    return value is None or (isinstance(value, float) and math.isnan(value))


def text_of(value: object, name: str) -> str:
    """The text of a field; null is an empty text, and a number is written out.

    Raises:
        UnfitRowError: The value is none of these.
    """
    if isinstance(value, str):
        return value
    if absent(value):
        return ""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return str(value)
    raise UnfitRowError(f"{name!r} is {json_type(value)}, not text")


def json_type(value: object) -> str:
    """The JSON type of a value, in words for an error."""
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


def list_numbers(numbers: Sequence[int], unit: str = "row") -> str:
    """Write ``[3, 17, 20, 21]`` as ``lines 3, 17, 20 and 1 more``."""
    words = [str(number) for number in numbers[:_NUMBERS_LISTED]]
    if more := len(numbers) - len(words):
        words.append(f"{more:,} more")
    listed = " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    return f"{unit}{'s' if len(numbers) > 1 else ''} {listed}"


def rows_error(source: str, faults: Sequence[RowFault], unit: str) -> BadInputError:
    """An error that lists the unusable rows of a dataset, grouped by reason.

    Args:
        source: The dataset.
        faults: At least one.
        unit: What the numbers count: ``line`` or ``row``.
    """
    return BadInputError(f"{source}: {_list_reasons(faults, unit)}")


def check_dropped(
    source: str, faults: Sequence[RowFault], rows: int, max_dropped: float | None, unit: str
) -> None:
    """Refuse a dataset that would lose more of its rows than the recipe allows.

    Args:
        source: The dataset.
        faults: The rows that would be dropped.
        rows: All rows of the dataset.
        max_dropped: The share of rows that may be dropped, 0 to 1; None for data that the recipe
            has no field for, of which the usual share may be.
        unit: What the numbers count: ``line`` or ``row``.

    Raises:
        BadInputError: Lists the rows with their reasons, their share, and the field to change.
    """
    allowed = MAX_DROPPED if max_dropped is None else max_dropped
    if len(faults) <= allowed * rows:
        return
    share = len(faults) / rows
    consent = math.ceil(share * 100) / 100
    remedy = (
        f"at most {percent(allowed)} may be: correct them, or take them out of it"
        if max_dropped is None
        else f"data.max_dropped allows {percent(allowed)}: correct them, or set it to "
        f"{consent:g} to go on without them"
    )
    raise BadInputError(
        f"{source}: {_list_reasons(faults, unit)}; {len(faults):,} of {rows:,} rows "
        f"({percent(share, 1)}) would be dropped, and {remedy}"
    )


def _list_reasons(faults: Sequence[RowFault], unit: str) -> str:
    numbers: dict[str, list[int]] = {}
    for fault in faults:
        numbers.setdefault(fault.reason, []).append(fault.number)
    reasons = [f"{list_numbers(rows, unit)}: {reason}" for reason, rows in numbers.items()]
    if len(reasons) > _REASONS_LISTED:
        reasons = [*reasons[:_REASONS_LISTED], "and other faults"]
    return "; ".join(reasons)
