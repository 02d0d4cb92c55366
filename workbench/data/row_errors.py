"""What is wrong with the rows of a dataset, told in one line that names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBERS_NAMED = 3
_KINDS_NAMED = 3


class Fault(NamedTuple):
    """One row that cannot be used: its number (counted from 1) and why."""

    number: int
    what: str


def name_numbers(numbers: Sequence[int], unit: str = "row") -> str:
    """Write ``[3, 17, 20, 21]`` as ``lines 3, 17, 20 and 1 more``."""
    words = [str(number) for number in numbers[:_NUMBERS_NAMED]]
    if more := len(numbers) - len(words):
        words.append(f"{more} more")
    listed = " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    return f"{unit}{'s' if len(numbers) > 1 else ''} {listed}"


def refusal(source: str, faults: Sequence[Fault], unit: str) -> BadInputError:
    """Make the error for a dataset with unusable rows, rows of the same fault together."""
    kinds: dict[str, list[int]] = {}
    for fault in faults:
        kinds.setdefault(fault.what, []).append(fault.number)
    told = [f"{name_numbers(rows, unit)}: {what}" for what, rows in kinds.items()]
    if len(told) > _KINDS_NAMED:
        told = [*told[:_KINDS_NAMED], "and other faults"]
    return BadInputError(f"{source}: {'; '.join(told)}")
