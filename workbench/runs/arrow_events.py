"""Many lines of a log as columns of numbers, read by Arrow instead of one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.runs.series import Numbers

_NAMES = frozenset({"t", "step", "kind"})


class Columns(NamedTuple):
    """The events of one kind.

    Attributes:
        kind: Their kind.
        lines: Where they stand among the lines, rising.
        numbers: Steps and values of every number in them; what is missing or null is left out.
    """

    kind: str
    lines: Numbers
    numbers: dict[str, tuple[Numbers, Numbers]]


def read_columns(text: bytes, lines: int) -> list[Columns] | None:
    """Read a text of so many whole lines, kind by kind.

    None where they have to be read one by one: a line is broken or empty, or a name stands for
    numbers here and for words there.
    """
    import pyarrow as pa
    from pyarrow import json

    try:
        table = json.read_json(pa.BufferReader(text))
    except pa.ArrowInvalid:
        return None
    if len(table) != lines or not _told(table):
        return None
    return list(_by_kind(table))


def _told(table: Any) -> bool:
    """Whether every line has a step and a kind."""
    from pyarrow import types

    if not {"step", "kind"} <= set(table.column_names):
        return False
    step, kind = table.column("step"), table.column("kind")
    whole = not step.null_count and not kind.null_count
    return whole and _is_number(step.type) and bool(types.is_string(kind.type))


def _by_kind(table: Any) -> Iterator[Columns]:
    from pyarrow import compute

    names = [name for name in table.column_names if _is_number(table.column(name).type)]
    numbers, kinds = table.select(names), table.column("kind")
    for kind in compute.unique(kinds).to_pylist():
        chosen = compute.indices_nonzero(compute.equal(kinds, kind))
        yield Columns(kind, chosen.to_numpy(), _numbers(numbers.take(chosen)))


def _numbers(table: Any) -> dict[str, tuple[Numbers, Numbers]]:
    found = {}
    for name in set(table.column_names) - _NAMES:
        column = table.column(name)
        if column.null_count < len(column):
            known = table.select(["step", name]).drop_null()
            found[name] = (known.column("step").to_numpy(), known.column(name).to_numpy())
    return found


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_floating(kind))
