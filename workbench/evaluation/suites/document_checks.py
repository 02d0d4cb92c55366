"""Formats that an answer may be asked to be written in, one check each, as in ``shapes``."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field

from workbench.evaluation.suites.format_checks import Count, Text, Texts
from workbench.evaluation.suites.text_normalisation import folded

Columns = Annotated[int, Field(ge=2)] | Texts
"""How many columns, or their names in order."""


def json(
    answer: str,
    keys: Texts | None = None,
    type: Literal["object", "array"] | None = None,  # noqa: A002 - as items say it
    length: Count | None = None,
) -> bool:
    """Nothing but a JSON object or array.

    An object, or each object of an array, has all the keys; ``length`` counts entries.
    """
    value = _json_value(answer)
    if not isinstance(value, (dict, list)) or length not in (None, len(value)):
        return False
    if type not in (None, "array" if isinstance(value, list) else "object"):
        return False
    return all(_has(entry, keys or []) for entry in (value if isinstance(value, list) else [value]))


def csv(answer: str, columns: Columns, rows: Count | None = None) -> bool:
    """Nothing but comma-separated lines of equally many cells.

    With names of columns the first line is those names and is not counted by ``rows``.
    """
    import csv as reading

    lines = [line for line in answer.splitlines() if line.strip()]
    try:
        cells = list(reading.reader(lines, skipinitialspace=True, strict=True))
    except reading.Error:
        return False
    return _is_table(cells, columns, rows, headed=False)


def table(answer: str, columns: Columns, rows: Count | None = None) -> bool:
    """A Markdown table among whatever else is said; its head is not counted by ``rows``."""
    lines = answer.splitlines()
    for place, line in enumerate(lines[1:], 1):
        if re.fullmatch(r"\s*\|?(\s*:?-+:?\s*\|)+(\s*:?-+:?\s*)?", line):
            head, body = lines[place - 1], lines[place + 1 :]
            cells = [_cells(row) for row in (head, *_leading(body))]
            return _is_table(cells, columns, rows, headed=True)
    return False


def yaml(answer: str, keys: Texts) -> bool:
    """Nothing but a YAML mapping with these keys, which JSON is not."""
    import yaml as reading

    if answer.lstrip().startswith("{"):
        return False
    try:
        value = reading.safe_load(answer)
    except (reading.YAMLError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and _has(value, keys)


def xml(answer: str, tag: Text) -> bool:
    """Nothing but one XML element of that name."""
    from xml.etree import ElementTree as ET

    try:
        root = ET.fromstring(answer.strip())  # noqa: S314 - expat guards against bombs
    except (ET.ParseError, ValueError):
        return False
    return root.tag == tag


def _json_value(answer: str) -> Any:
    import json as reading

    try:
        return reading.loads(answer)
    except (ValueError, RecursionError):
        return None


def _has(value: Any, keys: list[str]) -> bool:
    return not keys or (isinstance(value, dict) and set(keys) <= set(map(str, value)))


def _leading(lines: list[str]) -> list[str]:
    """The lines before the first without a bar."""
    for place, line in enumerate(lines):
        if "|" not in line:
            return lines[:place]
    return lines


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _is_table(cells: list[list[str]], columns: Columns, rows: int | None, *, headed: bool) -> bool:
    """Whether rows are equally wide, under the right head if it is named, and as many as asked."""
    names = columns if isinstance(columns, list) else None
    width = columns if isinstance(columns, int) else len(columns)
    if names and [folded(name) for name in cells[0]] != [folded(name) for name in names]:
        return False
    body = cells[1:] if headed or names else cells
    return bool(body) and all(len(row) == width for row in cells) and rows in (None, len(body))
