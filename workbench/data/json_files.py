"""Rows of JSON files: one object a line, or values written in any other way, read as a stream."""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.data.formats.turns import is_turn
from workbench.data.rows import Row, RowFault
from workbench.data.text_files import text_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK = 1 << 20
_LONGEST_VALUE = 1 << 30
"""Characters of one value that is not in a list; such a document is read whole."""
_LONGEST_WORD = 16
"""An error this close to the end of what was read may be that of a word cut in two."""
_SPACE = re.compile(r"[ \t\r\n]*")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""How JSON writes half of a character beyond the first 65,536."""
_LISTS = ("data", "train", "rows", "examples", "instances")
"""Where a document may have its rows."""
_DECODER = json.JSONDecoder()


def has_row_per_line(path: Path) -> bool:
    """Whether the first line of a file is a whole row, or is meant to be one."""
    line = next((line.strip() for _, line in text_lines(path) if line.strip()), "")
    try:
        value, end = _DECODER.raw_decode(line)
    except json.JSONDecodeError as error:
        return not (line[:1] in "{[" and error.pos >= len(line))
    except (ValueError, RecursionError):
        return True
    if isinstance(value, list):
        return bool(value) and all(map(is_turn, value)) and end == len(line)
    return line[end:].lstrip()[:1] not in ("{", ",")


def read_json_lines(path: Path) -> Iterator[Row | RowFault]:
    """Yield a row for each line that is not blank; other ways to write JSON are read as well."""
    if not has_row_per_line(path):
        yield from read_json(path)
        return
    for number, line in text_lines(path):
        if line.strip():
            yield _parse_line(number, line)


def read_json(path: Path) -> Iterator[Row | RowFault]:
    """Yield the rows of a list, of objects one after the other, or of a list in a document.

    Only what is one value in itself is ever in memory as a whole: the items of a list are read one
    by one.

    Raises:
        BadInputError: It is not JSON, or has no list of rows.
    """
    values = _rows_of(path, _Values(path))
    yield from (_row(number, value, text) for number, (value, text) in enumerate(values, 1))


def _rows_of(path: Path, values: _Values) -> Iterator[tuple[object, str]]:
    """The values that are rows, each with the JSON that writes it."""
    first = next(values, None)
    if first is None:
        return
    value, text = first
    if values.in_list and is_turn(value):  # the turns of a single conversation
        turns = [first, *values]
        yield {"messages": [turn for turn, _ in turns]}, "".join(text for _, text in turns)
    elif isinstance(value, dict) and not values.in_list and (rows := _inner_rows(path, value)):
        yield from ((row, text) for row in rows)
    else:
        yield from chain([first], values)


def _inner_rows(path: Path, document: dict[str, object]) -> list[object] | None:
    """The rows of a document that has them under a name; None if it is a row itself."""
    lists = {
        name: value
        for name, value in document.items()
        if isinstance(value, list) and value and all(isinstance(row, (dict, list)) for row in value)
    }
    name = next((name for name in _LISTS if name in lists), None)
    if name is not None:
        return lists[name]
    if (
        lists
        and lists.keys() == document.keys()
        and not any(is_turn(rows[0]) for rows in lists.values())
    ):
        named = " and ".join(map(repr, lists))
        raise BadInputError(
            f"{path}: has lists under {named}, and none under 'train' or 'data'; write the rows to "
            "train on under one of these names, or in a file of their own"
        )
    return None


def _row(number: int, value: object, text: str) -> Row | RowFault:
    if isinstance(value, list) and value and all(map(is_turn, value)):
        value = {"messages": value}
    if not isinstance(value, dict):
        return RowFault(number, "not a JSON object")
    if _HALF.search(text) and (half := _half_character(value)):
        return RowFault(
            number,
            f"has half of a character ({half}), as where a text is cut within an emoji; remove it "
            "or write the whole character",
        )
    return Row(number, value)


def _half_character(value: object) -> str:
    """The first surrogate without its other half, as JSON writes it; empty if there is none."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        return f"\\u{ord(error.object[error.start]):x}"
    return ""


def _parse_line(number: int, line: str) -> Row | RowFault:
    try:
        return _row(number, json.loads(line), line)
    except json.JSONDecodeError as error:
        return RowFault(number, f"not JSON ({_explain(error)})")
    except ValueError as error:  # a number of thousands of digits
        return RowFault(number, f"not JSON ({error})")
    except RecursionError:
        return RowFault(number, "not JSON (nested too deeply)")


def _explain(error: json.JSONDecodeError) -> str:
    """What is wrong, with the remedy for the usual mistakes."""
    before, after = error.doc[max(0, error.pos - 200) : error.pos].rstrip(), error.doc[error.pos :]
    last_comma = before.endswith(",") and after.startswith(("]", "}"))
    usual = {
        "in single quotes, as Python prints it; write it with json.dumps": after.startswith("'"),
        "None, True or False as Python prints them; write it with json.dumps": after.startswith(
            ("None", "True", "False")
        ),
        "a comma before the closing bracket; remove it": last_comma
        or error.msg.startswith("Illegal trailing comma"),
        "it ends within a value, as a file that is cut off does": not after.strip(),
        "a comma after the value; remove it": error.msg == "Extra data" and after.strip() == ",",
        "more than one value in a line; write each in a line of its own": error.msg == "Extra data",
    }
    explained = (reason for reason, applies in usual.items() if applies)
    return next(explained, f"{error.msg} at character {error.colno}")


class _Values:
    """JSON values one after the other, from a stream: the items of a list, or whole documents.

    Attributes:
        in_list: Whether they are items of a list; known once the first value is read.
    """

    def __init__(self, path: Path) -> None:
        self.in_list = False
        self._path = path
        self._lines = text_lines(path)
        self._text = ""
        self._at = 0
        self._line = 1
        self._start = True

    def __iter__(self) -> _Values:
        return self

    def __next__(self) -> tuple[object, str]:
        """The next value and its JSON.

        Raises:
            BadInputError: What follows is not JSON; the text names the line.
        """
        if self._start:
            self._start = False
            self.in_list = self._skip("[")
            if self.in_list and self._skip("]"):
                self._finish()
        elif self.in_list:
            self._separate()
        else:
            self._skip(",")
        if not self._peek():
            if self.in_list:
                raise self._error("the list is not closed, as in a file that is cut off")
            raise StopIteration
        return self._value()

    def _separate(self) -> None:
        """Go past the comma between two items, or past the end of the list."""
        if self._skip(","):
            if self._peek() == "]":
                raise self._error("a comma before the closing bracket; remove it")
        elif self._skip("]"):
            self._finish()
        elif self._peek():
            raise self._error("no comma between two items of the list")

    def _finish(self) -> None:
        if self._peek():
            raise self._error("text after the end of the list")
        raise StopIteration

    def _value(self) -> tuple[object, str]:
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                cut = error.pos >= len(self._text) - _LONGEST_WORD
                if cut and self._read():
                    continue
                self._at = error.pos
                raise self._error(_explain(error)) from error
            except (ValueError, RecursionError) as error:
                raise self._error("nested too deeply, or a number that is too long") from error
            text = self._text[self._at : end]
            self._at = end
            return value, text

    def _peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read():
                return ""

    def _skip(self, character: str) -> bool:
        if self._peek() != character:
            return False
        self._at += 1
        return True

    def _read(self) -> bool:
        """Read on, as much again as is left, so that a long value is not parsed too often."""
        self._line += self._text.count("\n", 0, self._at)
        parts, self._at = [self._text[self._at :]], 0
        wanted = max(_CHUNK, len(parts[0]))
        if wanted > _LONGEST_VALUE:
            raise self._error("more than 1 GB in one value; write the rows as .jsonl")
        read = 0
        for _, line in self._lines:
            parts.append(line)
            read += len(line)
            if read >= wanted:
                break
        self._text = "".join(parts)
        return read > 0

    def _error(self, reason: str) -> BadInputError:
        line = self._line + self._text.count("\n", 0, self._at)
        return BadInputError(f"{self._path}: line {line}: not JSON ({reason})")
