"""The fields of one row, found by any of their usual names, and which of them were used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from workbench.data.rows import UnfitRowError, absent, json_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from workbench.data.rows import Row

_NOTHING: tuple[object, ...] = ("", [], (), {})


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """A field's name as it is compared: ``System Prompt`` is ``system_prompt``."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


class Fields:
    """The fields of a row that are not null, by their plain names.

    Attributes:
        row: The row.
        used: The names that were asked for and found, as the row writes them.
    """

    def __init__(self, row: Row, columns: Mapping[str, str]) -> None:
        """Read a row, some of whose fields may have other names than the usual ones.

        Args:
            row: The row.
            columns: For a usual name the column that it stands for, with dots between the names
                of nested ones.
        """
        self.row = row
        self.used: set[str] = set()
        self._columns = {
            plain_name(name): name for name, value in row.values.items() if not absent(value)
        }
        self._mapped: dict[str, tuple[str, object]] = {}
        for name, column in columns.items():
            top, value = _column(row.values, column)
            if not absent(value):
                self._mapped[name] = (top, value)

    @property
    def names(self) -> AbstractSet[str]:
        """The plain names of all fields."""
        return self._columns.keys() | self._mapped.keys()

    def take(self, names: Sequence[str]) -> object:
        """The value of the first of ``names`` that the row has, or None."""
        for name in names:
            if name in self._mapped:
                column, value = self._mapped[name]
                self.used.add(column)
                return value
            if name in self._columns:
                column = self._columns[name]
                self.used.add(column)
                return self.row.values[column]
        return None

    def unused(self) -> Iterator[str]:
        """Names, as the row writes them, of the fields that were not taken."""
        for name in self._columns.values():
            if name not in self.used and self.row.values[name] not in _NOTHING:
                yield name


def as_list(value: object, name: str) -> Sequence[object]:
    """A list, which may be written as JSON text or, as Arrow does, as an object of lists.

    Raises:
        UnfitRowError: It is something else.
    """
    if isinstance(value, str):
        value = from_json(value, name)
    if isinstance(value, Mapping):
        value = _transposed(value, name)
    if not isinstance(value, (list, tuple)):
        raise UnfitRowError(f"{name!r} is {json_type(value)}, not a list")
    return value


def from_json(text: str, name: str) -> object:
    """The value that a text writes as JSON.

    Raises:
        UnfitRowError: It is not JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnfitRowError(f"{name!r} is text that is not JSON") from error


def _transposed(columns: Mapping[str, object], name: str) -> object:
    """``{"role": [a, b], "content": [c, d]}`` as a list of two objects."""
    lists = [value for value in columns.values() if isinstance(value, (list, tuple))]
    if not lists or len(lists) < sum(not absent(value) for value in columns.values()):
        return columns
    if len({len(values) for values in lists}) > 1:
        raise UnfitRowError(f"{name!r} has lists of different lengths")
    names = [key for key, value in columns.items() if not absent(value)]
    return [dict(zip(names, values, strict=True)) for values in zip(*lists, strict=True)]


def _column(values: Mapping[str, object], path: str) -> tuple[str, object]:
    """A column's name in the row, and its value or that of a field nested in it."""
    if path in values or "." not in path:
        return path, values.get(path)
    top, *names = path.split(".")
    value = values.get(top)
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return top, value
