"""The lines of a text file, compressed or not, in UTF-8 or with the byte order mark of UTF-16."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

ByteFile = io.BufferedReader | gzip.GzipFile
_COMPRESSED = (".gz", ".zst")
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before that of UTF-16, with which it starts
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def data_suffix(name: str | Path) -> str:
    """The suffix that says what a file holds: ``.jsonl`` for ``rows.jsonl.gz``."""
    path = Path(name)
    if path.suffix.lower() in _COMPRESSED:
        path = path.with_suffix("")
    return path.suffix.lower()


def is_compressed(path: Path) -> bool:
    """Whether the name says that a file is compressed."""
    return path.suffix.lower() in _COMPRESSED


@contextmanager
def open_bytes(path: Path) -> Iterator[ByteFile]:
    """Open a file, and decompress it if its name ends in ``.gz`` or ``.zst``.

    Raises:
        BadInputError: It cannot be read, or is damaged.
    """
    try:
        with _open(path) as file:
            yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInputError(f"{path}: damaged, or not compressed as its name says") from error
    except OSError as error:
        reason = error.strerror or "damaged, or not compressed as its name says"
        raise BadInputError(f"{path}: cannot be read: {reason}") from error


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file with their numbers, from 1, and their line breaks.

    Raises:
        BadInputError: The file cannot be read, or is not in an encoding that is known.
    """
    with open_bytes(path) as file:
        encoding = _encoding(file.peek(4)[:4])
        if encoding is None:
            yield from _utf8_lines(path, file)
        else:
            yield from _wide_lines(path, file, encoding)


def _open(path: Path) -> ByteFile:
    match path.suffix.lower():
        case ".gz":
            return gzip.GzipFile(path)
        case ".zst":
            import pyarrow as pa

            return io.BufferedReader(pa.input_stream(path, compression="zstd"))
    return path.open("rb")


def _encoding(start: bytes) -> str | None:
    """The encoding that the first bytes of a file show; None for UTF-8."""
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    zeros = [byte == 0 for byte in start[:2]]
    if zeros == [False, True]:
        return "utf-16-le"
    return "utf-16-be" if zeros == [True, False] else None


def _utf8_lines(path: Path, file: ByteFile) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(file, 1):
        try:
            yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise BadInputError(
                f"{path}: line {number}: not UTF-8 text; save it as UTF-8 (in Excel as 'CSV "
                "UTF-8', elsewhere with 'iconv -f WINDOWS-1252 -t UTF-8')"
            ) from error


def _wide_lines(path: Path, file: ByteFile, encoding: str) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        for number, line in enumerate(io.TextIOWrapper(file, encoding, newline="\n"), 1):
            yield number, line
    except UnicodeError as error:
        name = encoding[:6].upper()
        raise BadInputError(
            f"{path}: after line {number}: not {name} text, as its start says; save it as UTF-8"
        ) from error
