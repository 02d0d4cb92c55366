"""Printing: data on stdout, messages on stderr."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CONTROLS = re.compile("[\x7f-\x9f]")
"""Delete and the C1 controls, which JSON does not escape."""

_PIPE_WIDTH = 160
"""Columns of a table when stdout is not a terminal."""


def emit_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    click.echo(json_text(value))


def json_text(value: Any) -> str:
    """Serialise to JSON in which every terminal control character is escaped."""
    text = json.dumps(value, indent=1, ensure_ascii=False, default=_plain)
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def emit_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout, readable in a pipe as well."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from workbench.core.sanitize import visible

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else visible(str(cell))) for cell in row))
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    Console(markup=False, highlight=False, width=width).print(table)


def narrate(text: str) -> None:
    """Print one line on stderr, with terminal control characters made visible."""
    from workbench.core.sanitize import visible

    click.echo(" ".join(visible(text).split("\n")), err=True)


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
