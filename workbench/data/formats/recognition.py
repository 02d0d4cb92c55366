"""From rows to examples, one by one: the format is recognised from the first thousand rows."""

from __future__ import annotations

from collections import Counter
from itertools import chain, islice
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.data.formats.examples import Example, Examples
from workbench.data.formats.fields import Fields, plain_name
from workbench.data.formats.layouts import LAYOUTS, NO_ANSWER, Layout
from workbench.data.formats.refusals import (
    refuse_choices,
    refuse_preferences,
    refuse_single_turns,
)
from workbench.data.formats.turns import TurnReader
from workbench.data.rows import RowFault, UnfitRowError, check_dropped, rows_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from workbench.data.rows import Row
    from workbench.recipe.columns import Column
    from workbench.recipe.data import DataFormat

_SAMPLE = 1000
_INSIDE_TURNS = ("role", "content")
"""Names in a mapping of columns that are those of a message, not of a row."""
_BLANK = "blank"


def to_examples(
    rows: Iterable[Row],
    data_format: DataFormat,
    source: str,
    unit: str = "row",
    columns: Mapping[Column, str] | None = None,
    max_dropped: float | None = None,
) -> Examples:
    """Turn rows of any known format into examples, all at once; see :class:`ExampleStream`."""
    stream = ExampleStream(rows, data_format, source, unit, columns, max_dropped)
    return stream.summary(tuple(stream))


class ExampleStream:
    """The examples of a dataset, made from its rows in one pass.

    After that pass it knows what was left out; its memory grows with that alone.

    Attributes:
        format: The formats of the first rows, the most common one first.
        total: Rows read so far.
        empty: Numbers of the rows dropped so far because they are blank.
        dropped: The rows dropped so far for other reasons.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        data_format: DataFormat,
        source: str,
        unit: str = "row",
        columns: Mapping[Column, str] | None = None,
        max_dropped: float | None = None,
    ) -> None:
        """Read the first rows and recognise their format.

        Args:
            rows: At least one row.
            data_format: The name of a format, or ``auto`` to recognise it.
            source: The dataset, for errors.
            unit: What the rows' numbers count, for errors.
            columns: For usual names of fields those that this dataset has.
            max_dropped: The share of rows that may be dropped because they are blank or unfit;
                None for the usual one, which the recipe cannot change.

        Raises:
            BadInputError: The format is not recognised, or is one that cannot be trained on.
        """
        self._source, self._unit, self._max_dropped = source, unit, max_dropped
        self._columns: dict[str, str] = {
            name: column for name, column in (columns or {}).items() if name not in _INSIDE_TURNS
        }
        rest = iter(rows)
        first = list(islice(rest, _SAMPLE))
        self._rows = chain(first, rest)
        sample = [Fields(row, self._columns) for row in first]
        self._layouts = self._choose(sample, data_format)
        self._turns = TurnReader(columns or {})
        self._used: set[str] = set()
        self._unused: dict[str, None] = {}
        self._reasons: dict[str, str] = {}
        self.format = ", ".join(
            dict.fromkeys([self._layouts[0].name, *_formats_of(sample, self._layouts)])
        )
        self.total = 0
        self.empty: list[int] = []
        self.dropped: list[RowFault] = []

    def __iter__(self) -> Iterator[Example]:
        """Yield the examples; only once.

        Raises:
            BadInputError: More rows were dropped than may be, or there is nothing to learn.
        """
        for row in self._rows:
            self.total += 1
            try:
                example = self._build(row)
            except UnfitRowError as error:
                reason = self._reasons.setdefault(str(error), str(error))
                self.dropped.append(RowFault(row.number, reason))
                continue
            if example.empty:
                self.empty.append(row.number)
            else:
                yield example
        self._check()

    def summary(self, rows: Sequence[Example]) -> Examples:
        """The whole dataset, with the examples as ``rows`` and what was left out."""
        unused = [name for name in self._unused if name not in self._used]
        inside = [f"messages[].{name}" for name in self._turns.unused]
        return Examples(
            format=self.format,
            rows=rows,
            empty=tuple(self.empty),
            unused=(*unused, *inside),
            dropped=tuple(self.dropped),
        )

    def _build(self, row: Row) -> Example:
        fields = Fields(row, self._columns)
        layout = _fitting(self._layouts, fields)
        if layout is None:
            raise UnfitRowError(self._missing(row))
        example = layout.build(layout, fields, self._turns)
        self._used |= fields.used
        self._unused.update(dict.fromkeys(fields.unused()))
        return example

    def _choose(self, sample: Sequence[Fields], data_format: DataFormat) -> list[Layout]:
        """The layouts that rows may have, the usual one first."""
        self._check_columns(sample)
        if not self._columns:
            refuse_preferences(sample, self._source)
            refuse_single_turns(sample, self._source)
        if data_format != "auto":
            layout = LAYOUTS[data_format]
            if not any(layout.fits(fields.names) for fields in sample):
                raise BadInputError(
                    f"{self._source}: not {layout}: its fields are {_list_fields(sample)}"
                )
            return [layout]
        return self._recognise(sample)

    def _recognise(self, sample: Sequence[Fields]) -> list[Layout]:
        """The layout of most rows; where that is a conversation, rows may be any other."""
        layouts = [layout for layout in LAYOUTS.values() if layout.knows(self._columns)]
        formats = _formats_of(sample, layouts)
        if not formats and all(map(_may_fit, sample)):
            raise _nothing_to_learn(self._source, len(sample))
        if not formats:
            raise self._unrecognised(sample)
        usual = LAYOUTS[formats[0]]
        refuse_choices(sample, usual, self._source)
        others = [layout for layout in layouts if layout.chat and layout is not usual]
        return [usual, *others] if usual.chat else [usual]

    def _missing(self, row: Row) -> str:
        """Which part of the usual layout a row lacks, under the name that this dataset has."""
        names = {plain_name(name): name for name in row.values}
        present = Fields(row, self._columns).names
        lacking = next(part for part in self._layouts[0].required if present.isdisjoint(part))
        if null := next((names[name] for name in lacking if name in names), None):
            return f"{null!r} is null"
        used = {plain_name(name) for name in self._used}
        return f"no {next((name for name in lacking if name in used), lacking[0])!r}"

    def _check_columns(self, sample: Sequence[Fields]) -> None:
        for name, column in self._columns.items():
            if not any(column.partition(".")[0] in fields.row.values for fields in sample):
                raise BadInputError(
                    f"{self._source}: data.columns says that {name!r} is {column!r}, but its "
                    f"fields are {_list_fields(sample)}"
                )

    def _unrecognised(self, sample: Sequence[Fields]) -> BadInputError:
        known = "; ".join(map(str, LAYOUTS.values()))
        return BadInputError(
            f"{self._source}: format not recognised from the fields {_list_fields(sample)}; known "
            f"are {known}; name yours in data.columns, as in 'prompt=Question, completion=Reply'"
        )

    def _check(self) -> None:
        faults = [*self.dropped, *(RowFault(number, _BLANK) for number in self.empty)]
        if len(faults) == self.total:
            if all(fault.reason in (NO_ANSWER, _BLANK) for fault in faults):
                raise _nothing_to_learn(self._source, self.total)
            raise rows_error(self._source, faults, self._unit)
        check_dropped(self._source, sorted(faults), self.total, self._max_dropped, self._unit)


def _formats_of(sample: Sequence[Fields], layouts: Sequence[Layout]) -> list[str]:
    """Names of the layouts that rows have, the most common one first."""
    fitting = (_fitting(layouts, fields) for fields in sample)
    counts = Counter(layout.name for layout in fitting if layout)
    return [name for name, _ in counts.most_common()]


def _fitting(layouts: Iterable[Layout], fields: Fields) -> Layout | None:
    return next((layout for layout in layouts if layout.fits(fields.names)), None)


def _may_fit(fields: Fields) -> bool:
    """Whether a row would have a known format if its nulls were values."""
    names = {plain_name(name) for name in fields.row.values}
    return any(layout.fits(names) for layout in LAYOUTS.values())


def _list_fields(sample: Sequence[Fields]) -> str:
    names = dict.fromkeys(name for fields in sample for name in fields.row.values)
    return ", ".join(map(repr, names)) or "(none)"


def _nothing_to_learn(source: str, rows: int) -> BadInputError:
    return BadInputError(
        f"{source}: no assistant text in any of its {rows:,} rows, so there is nothing to learn; "
        "each row needs a question and an answer that is not blank"
    )
