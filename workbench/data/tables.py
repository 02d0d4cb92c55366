"""Rows of tables: CSV with any usual separator, and Parquet."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from workbench.core.errors import BadInputError, first_line
from workbench.data.rows import Row, RowFault
from workbench.data.text_files import is_compressed, open_bytes, text_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_LONGEST_CELL = 2**31 - 1
_SEPARATORS = (",", ";", "\t")
_BATCH = 1000


def read_csv(path: Path) -> Iterator[Row | RowFault]:
    """Yield the rows below a header whose cells are separated by commas, semicolons or tabs."""
    lines = (line for _, line in text_lines(path))
    header = next((line for line in lines if line.strip()), "")
    separator = max(_SEPARATORS, key=lambda mark: _count_cells(header, mark))
    yield from _read_table(path, separator)


def read_tsv(path: Path) -> Iterator[Row | RowFault]:
    """Yield the rows below a header whose cells are separated by tabs."""
    yield from _read_table(path, "\t")


def _count_cells(header: str, separator: str) -> int:
    return len(next(csv.reader([header], delimiter=separator), []))


def _read_table(path: Path, separator: str) -> Iterator[Row | RowFault]:
    csv.field_size_limit(_LONGEST_CELL)
    header: list[str] | None = None
    for line, cells in _records(text_lines(path), separator):
        if isinstance(cells, csv.Error):
            yield RowFault(line, f"not CSV ({cells})")
        elif header is None:
            header = cells
        elif len(cells) == len(header):
            yield Row(line, dict(zip(header, cells, strict=True)))
        else:
            yield RowFault(line, f"not {len(header)} cells as in the header")


def _records(
    lines: Iterable[tuple[int, str]], separator: str
) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Every record that is not blank, with the line it starts on; an error is the last one."""
    table = csv.reader((line for _, line in lines), delimiter=separator, strict=True)
    line = 1
    try:
        for cells in table:
            if len(cells) > 1 or "".join(cells).strip():
                yield line, cells
            line = table.line_num + 1
    except csv.Error as error:
        yield line, error


def read_parquet(path: Path) -> Iterator[Row | RowFault]:
    """Yield the rows of a Parquet file.

    Raises:
        BadInputError: It is not one, or has values that cannot be read.
    """
    import pyarrow as pa
    from pyarrow import parquet

    if is_compressed(path):
        raise BadInputError(f"{path}: Parquet is compressed in itself; unpack it first")
    with open_bytes(path) as file:
        try:
            table = parquet.ParquetFile(file)
        except pa.ArrowException as error:
            raise BadInputError(f"{path}: not a Parquet file") from error
        yield from arrow_rows(str(path), table.iter_batches(batch_size=_BATCH))


def arrow_rows(source: str, batches: Iterable[Any]) -> Iterator[Row]:
    """Yield the rows of Arrow's record batches.

    Raises:
        BadInputError: They have values that cannot be read.
    """
    import pyarrow as pa

    number = 0
    try:
        for batch in batches:
            for values in batch.to_pylist():
                number += 1
                yield Row(number, values)
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise BadInputError(f"{source}: after row {number}: {first_line(error)}") from error
