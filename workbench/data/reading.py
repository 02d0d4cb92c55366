"""The rows of a file, of a shipped preset or of a hub dataset."""

from __future__ import annotations

import csv
import io
import json
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workbench.core import locations
from workbench.core.errors import BadInputError, NotFoundError
from workbench.data.hub import is_hub_id, read_hub_dataset
from workbench.data.rows import Row, RowFault, rows_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PRESET = "preset:"
_LONGEST_CELL = 2**31 - 1


def read_rows(source: str, max_rows: int | None = None) -> list[Row]:
    """Read a dataset or its first rows.

    Args:
        source: A file (.jsonl, .ndjson, .json, .csv, .parquet, .txt), ``preset:NAME``, a folder
            in hub layout, or a hub dataset as ``owner/name[/config][:split]``.
        max_rows: Stop after this many rows.

    Raises:
        NotFoundError: There is no such file, preset or hub dataset.
        BadInputError: The file is empty, of an unknown type, or has rows that cannot be read.
        MachineError: The hub cannot be reached.
    """
    try:
        records = list(islice(_read(source), max_rows))
    except OSError as error:
        raise BadInputError(f"{source}: cannot be read: {error.strerror or error}") from error
    if faults := [record for record in records if isinstance(record, RowFault)]:
        raise rows_error(source, faults, row_unit(source))
    if not records:
        raise BadInputError(f"{source}: has no rows")
    return [record for record in records if isinstance(record, Row)]


def row_unit(source: str) -> str:
    """What the numbers of this source's rows count: ``line`` or ``row``."""
    if source.startswith(_PRESET):
        return "line"
    reader = _READERS.get(Path(source).suffix.lower())
    return reader.unit if reader else "row"


def is_data_file_name(source: str) -> bool:
    """Whether a name has the suffix of a data file."""
    return Path(source).suffix.lower() in _READERS


def _read(source: str) -> Iterator[Row | RowFault]:
    path = _local_path(source)
    if path.is_file():
        return _reader_of(path).read(path)
    if path.is_dir() or (is_hub_id(source) and not is_data_file_name(source)):
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


def _read_json_lines(path: Path) -> Iterator[Row | RowFault]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _parse_json_line(number, line)


def _parse_json_line(number: int, line: bytes) -> Row | RowFault:
    try:
        return _object_row(number, json.loads(line.decode("utf-8-sig")))
    except UnicodeDecodeError:
        return RowFault(number, "not UTF-8 text")
    except (ValueError, RecursionError):
        return RowFault(number, "not JSON")


def _object_row(number: int, value: object) -> Row | RowFault:
    return Row(number, value) if isinstance(value, dict) else RowFault(number, "not a JSON object")


def _read_json(path: Path) -> Iterator[Row | RowFault]:
    text = _decode(path)
    try:
        document = json.loads(text) if text.strip() else []
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # JSON Lines in a file named .json
            yield from _read_json_lines(path)
            return
        raise BadInputError(f"{path}: line {error.lineno}: not JSON ({error.msg})") from error
    except RecursionError as error:
        raise BadInputError(f"{path}: nested too deeply to be a dataset") from error
    rows = document.get("data") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise BadInputError(f'{path}: must be a list of objects, or {{"data": [...]}}')
    yield from (_object_row(number, value) for number, value in enumerate(rows, 1))


def _read_csv(path: Path) -> Iterator[Row | RowFault]:
    csv.field_size_limit(_LONGEST_CELL)
    header: list[str] | None = None
    for line, cells in _parse_csv(_decode(path)):
        if isinstance(cells, csv.Error):
            yield RowFault(line, f"not CSV ({cells})")
        elif header is None:
            header = cells
        elif len(cells) == len(header):
            yield Row(line, dict(zip(header, cells, strict=True)))
        else:
            yield RowFault(line, f"not {len(header)} cells as in the header")


def _parse_csv(text: str) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Every record that is not blank, with the line it starts on; an error is the last one."""
    table = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in table:
            if len(cells) > 1 or "".join(cells).strip():
                yield line, cells
            line = table.line_num + 1
    except csv.Error as error:
        yield line, error


def _read_parquet(path: Path) -> Iterator[Row | RowFault]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        batches = parquet.ParquetFile(path).iter_batches()
        values = (row for batch in batches for row in batch.to_pylist())
        yield from (Row(number, row) for number, row in enumerate(values, 1))
    except pa.ArrowInvalid as error:
        raise BadInputError(f"{path}: not a Parquet file") from error


def _read_text(path: Path) -> Iterator[Row | RowFault]:
    """A document for each block of lines; blank lines separate blocks."""
    lines = enumerate(_decode(path).replace("\r\n", "\n").split("\n"), 1)
    for filled, block in groupby(lines, key=lambda numbered: bool(numbered[1].strip())):
        if filled:
            numbers, texts = zip(*block, strict=True)
            yield Row(numbers[0], {"text": "\n".join(texts)})


def _decode(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInputError(f"{path}: line {line}: not UTF-8 text; save it as UTF-8") from error


class _Reader(NamedTuple):
    """How files of one type are read, and what the numbers of their rows count."""

    unit: str
    read: Callable[[Path], Iterator[Row | RowFault]]


_READERS = {
    ".jsonl": _Reader("line", _read_json_lines),
    ".ndjson": _Reader("line", _read_json_lines),
    ".json": _Reader("row", _read_json),
    ".csv": _Reader("line", _read_csv),
    ".parquet": _Reader("row", _read_parquet),
    ".txt": _Reader("line", _read_text),
}


def _reader_of(path: Path) -> _Reader:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise BadInputError(f"{path}: unknown type of file; known are {' '.join(_READERS)}")
    return reader
