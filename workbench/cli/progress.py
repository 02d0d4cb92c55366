"""A progress bar on stderr for commands that do their work in this process."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar while the context lasts; yields ``report(description, done, total)``."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
    )
    with _stderr() as stream, Progress(*columns, console=Console(file=stream)) as bars:
        bar = bars.add_task("opening", total=None)

        def report(description: str, done: int, total: int) -> None:
            bars.update(bar, description=description, completed=done, total=total or None)

        yield report


@contextmanager
def _stderr() -> Iterator[TextIO]:
    """A duplicate of stderr, so that the bar survives a redirection of file descriptor 2."""
    try:
        descriptor = os.dup(sys.stderr.fileno())
    except OSError:  # not backed by a file, as under pytest
        yield sys.stderr
        return
    with os.fdopen(
        descriptor, "w", encoding=sys.stderr.encoding, errors="backslashreplace"
    ) as stream:
        yield stream
