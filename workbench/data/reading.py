"""The rows of a file, of a shipped preset or of a hub dataset."""

from __future__ import annotations

from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workbench.core import locations
from workbench.core.errors import BadInputError, NotFoundError
from workbench.data.hub import is_hub_dataset, read_hub_dataset
from workbench.data.json_files import has_row_per_line, read_json, read_json_lines
from workbench.data.rows import Row, RowFault, rows_error
from workbench.data.tables import read_csv, read_parquet, read_tsv
from workbench.data.text_files import data_suffix, text_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PRESET = "preset:"
_FAULTS_LISTED = 100_000
"""Faults to read on for; their numbers must fit into memory."""


def iter_rows(source: str, max_rows: int | None = None) -> Iterator[Row]:
    """Yield the rows of a dataset, or its first rows, without holding them all.

    Args:
        source: A file (.jsonl, .ndjson, .json, .csv, .tsv, .txt, each of them also .gz or .zst,
            or .parquet), ``preset:NAME``, a folder in hub layout with or without ``:split``, or a
            hub dataset as ``owner/name[/config][:split]``.
        max_rows: Stop after this many rows.

    Raises:
        NotFoundError: There is no such file, preset or hub dataset.
        BadInputError: The file is empty, of an unknown type, or has rows that cannot be read.
        MachineError: The hub cannot be reached.
    """
    records = islice(_read(source), max_rows)
    first = next(records, None)
    if first is None:
        raise BadInputError(f"{source}: has no rows")
    record: Row | RowFault | None = first
    while isinstance(record, Row):
        yield record
        record = next(records, None)
    if record is not None:
        later = (fault for fault in records if isinstance(fault, RowFault))
        raise rows_error(source, [record, *islice(later, _FAULTS_LISTED)], row_unit(source))


def row_unit(source: str) -> str:
    """What the numbers of this source's rows count: ``line`` or ``row``."""
    if source.startswith(_PRESET):
        return "line"
    path = Path(source).expanduser()
    reader = _READERS.get(data_suffix(path))
    if reader is None:
        return "row"
    if reader.read is read_json_lines and path.is_file():
        return "line" if has_row_per_line(path) else "row"
    return reader.unit


def is_data_file_name(source: str) -> bool:
    """Whether a name has the suffix of a data file."""
    return data_suffix(source) in _READERS


def _read(source: str) -> Iterator[Row | RowFault]:
    if not source.strip():
        raise BadInputError("no dataset is named; name a file, a hub dataset or preset:NAME")
    path = _local_path(source)
    if path.is_file():
        return _reader_of(path).read(path)
    if is_hub_dataset(source) and not is_data_file_name(source):
        return read_hub_dataset(source)
    raise NotFoundError(
        f"{source}: no such file; a hub dataset is written owner/name, a shipped one preset:NAME"
    )


def _local_path(source: str) -> Path:
    if not source.startswith(_PRESET):
        return Path(source).expanduser()
    name = source.removeprefix(_PRESET)
    shipped = {path.stem: path for path in (locations.presets() / "data").glob("*.jsonl")}
    if name not in shipped:
        raise NotFoundError(f"no data preset {name!r}; there are {', '.join(sorted(shipped))}")
    return shipped[name]


def _read_text(path: Path) -> Iterator[Row | RowFault]:
    """A document for each block of lines; blank lines separate blocks."""
    for filled, block in groupby(text_lines(path), key=lambda numbered: bool(numbered[1].strip())):
        if filled:
            numbers, texts = zip(*block, strict=True)
            document = "\n".join(text.rstrip("\r\n") for text in texts)
            yield Row(numbers[0], {"text": document})


class _Reader(NamedTuple):
    """How files of one type are read, and what the numbers of their rows count."""

    unit: str
    read: Callable[[Path], Iterator[Row | RowFault]]


_READERS = {
    ".jsonl": _Reader("line", read_json_lines),
    ".ndjson": _Reader("line", read_json_lines),
    ".json": _Reader("row", read_json),
    ".csv": _Reader("line", read_csv),
    ".tsv": _Reader("line", read_tsv),
    ".parquet": _Reader("row", read_parquet),
    ".txt": _Reader("line", _read_text),
}
_EXCEL = (".xlsx", ".xls", ".ods")


def _reader_of(path: Path) -> _Reader:
    suffix = data_suffix(path)
    if suffix in _READERS:
        return _READERS[suffix]
    if suffix in _EXCEL:
        raise BadInputError(f"{path}: a spreadsheet; save it as 'CSV UTF-8'")
    raise BadInputError(f"{path}: unknown type of file; known are {' '.join(_READERS)}")
