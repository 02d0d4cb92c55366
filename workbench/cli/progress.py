"""One line on stderr that says what a command is doing."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar while the context lasts; what it gives is told what is done, how much, of how much."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
    )
    with _stderr() as stream, Progress(*columns, console=Console(file=stream)) as shown:
        bar = shown.add_task("opening", total=None)

        def report(what: str, done: int, total: int) -> None:
            shown.update(bar, description=what, completed=done, total=total or None)

        yield report


@contextmanager
def _stderr() -> Iterator[TextIO]:
    """Give stderr by a descriptor of its own: a bar goes on where other output is led away."""
    try:
        number = os.dup(sys.stderr.fileno())
    except OSError:  # no file, as in tests
        yield sys.stderr
        return
    with os.fdopen(number, "w", encoding=sys.stderr.encoding, errors="backslashreplace") as stream:
        yield stream
