"""Rows of a dataset as they stand in a file, a shipped preset or a hub dataset."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workbench.core import locations
from workbench.core.errors import BadInputError, NotFoundError
from workbench.data.row_errors import Fault, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_PRESET = "preset:"
_LONGEST_CELL = 2**31 - 1


@dataclass(frozen=True)
class Row:
    """One record: its number (the line it starts on, or its place, from 1) and its fields."""

    number: int
    values: Mapping[str, object]


def read_rows(source: str, max_rows: int | None = None) -> list[Row]:
    """Read a dataset, or only its first rows.

    Args:
        source: A file (.jsonl, .ndjson, .json, .csv, .parquet, .txt), ``preset:NAME``, a folder
            in hub layout, or a hub dataset as ``owner/name[/config][:split]``.
        max_rows: Stop after this many rows.

    Raises:
        NotFoundError: There is no such file, preset or hub dataset.
        BadInputError: The file is empty, of an unknown kind, or has rows that cannot be read.
        MachineError: The hub cannot be reached.
    """
    try:
        found = list(islice(_read(source), max_rows))
    except OSError as error:
        raise BadInputError(f"{source}: cannot be read: {error.strerror or error}") from error
    if faults := [item for item in found if isinstance(item, Fault)]:
        raise refusal(source, faults, numbering(source))
    if not found:
        raise BadInputError(f"{source}: holds no rows")
    return [item for item in found if isinstance(item, Row)]


def numbering(source: str) -> str:
    """What the numbers of this source's rows count: ``line`` or ``row``."""
    if source.startswith(_PRESET):
        return "line"
    kind = _KINDS.get(Path(source).suffix.lower())
    return kind.unit if kind else "row"


def names_file(source: str) -> bool:
    """Whether the name ends as that of a data file does."""
    return Path(source).suffix.lower() in _KINDS


def _read(source: str) -> Iterator[Row | Fault]:
    from workbench.data import hub

    path = _local(source)
    if path.is_file():
        return _kind_of(path).read(path)
    if path.is_dir() or (hub.is_id(source) and not names_file(source)):
        return hub.read(source)
    raise NotFoundError(
        f"{source}: no such file; a hub dataset is written owner/name, a shipped one preset:NAME"
    )


def _local(source: str) -> Path:
    if not source.startswith(_PRESET):
        return Path(source).expanduser()
    name = source.removeprefix(_PRESET)
    shipped = {path.stem: path for path in (locations.presets() / "data").glob("*.jsonl")}
    if name not in shipped:
        raise NotFoundError(f"no data preset {name!r}; there are {', '.join(sorted(shipped))}")
    return shipped[name]


def _json_lines(path: Path) -> Iterator[Row | Fault]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _parsed(number, line)


def _parsed(number: int, line: bytes) -> Row | Fault:
    try:
        return _record(number, json.loads(line.decode("utf-8-sig")))
    except UnicodeDecodeError:
        return Fault(number, "not UTF-8 text")
    except (ValueError, RecursionError):
        return Fault(number, "not JSON")


def _record(number: int, value: object) -> Row | Fault:
    return Row(number, value) if isinstance(value, dict) else Fault(number, "not a JSON object")


def _json(path: Path) -> Iterator[Row | Fault]:
    text = _text(path)
    try:
        document = json.loads(text) if text.strip() else []
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # JSON Lines under the name .json
            yield from _json_lines(path)
            return
        raise BadInputError(f"{path}: line {error.lineno}: not JSON ({error.msg})") from error
    except RecursionError as error:
        raise BadInputError(f"{path}: nested too deeply to be a dataset") from error
    rows = document.get("data") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise BadInputError(f'{path}: must be a list of objects, or {{"data": [...]}}')
    yield from (_record(number, value) for number, value in enumerate(rows, 1))


def _csv(path: Path) -> Iterator[Row | Fault]:
    csv.field_size_limit(_LONGEST_CELL)
    header: list[str] | None = None
    for line, cells in _csv_records(_text(path)):
        if isinstance(cells, csv.Error):
            yield Fault(line, f"not CSV ({cells})")
        elif header is None:
            header = cells
        elif len(cells) == len(header):
            yield Row(line, dict(zip(header, cells, strict=True)))
        else:
            yield Fault(line, f"not as many cells as the header's {len(header)}")


def _csv_records(text: str) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Every record that is not blank with the line it starts on; an error ends them."""
    table = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in table:
            if len(cells) > 1 or "".join(cells).strip():
                yield line, cells
            line = table.line_num + 1
    except csv.Error as error:
        yield line, error


def _parquet(path: Path) -> Iterator[Row | Fault]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        batches = parquet.ParquetFile(path).iter_batches()
        values = (row for batch in batches for row in batch.to_pylist())
        yield from (Row(number, row) for number, row in enumerate(values, 1))
    except pa.ArrowInvalid as error:
        raise BadInputError(f"{path}: not a Parquet file") from error


def _blocks(path: Path) -> Iterator[Row | Fault]:
    lines = enumerate(_text(path).replace("\r\n", "\n").split("\n"), 1)
    for filled, block in groupby(lines, key=lambda numbered: bool(numbered[1].strip())):
        if filled:
            numbers, texts = zip(*block, strict=True)
            yield Row(numbers[0], {"text": "\n".join(texts)})


def _text(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInputError(f"{path}: line {line}: not UTF-8 text; save it as UTF-8") from error


class _Kind(NamedTuple):
    unit: str
    read: Callable[[Path], Iterator[Row | Fault]]


_KINDS = {
    ".jsonl": _Kind("line", _json_lines),
    ".ndjson": _Kind("line", _json_lines),
    ".json": _Kind("row", _json),
    ".csv": _Kind("line", _csv),
    ".parquet": _Kind("row", _parquet),
    ".txt": _Kind("line", _blocks),
}


def _kind_of(path: Path) -> _Kind:
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise BadInputError(f"{path}: unknown kind of file; known are {' '.join(_KINDS)}")
    return kind
