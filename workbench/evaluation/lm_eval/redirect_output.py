"""Sending the output of libraries that print and log to a file."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

from workbench.core.contained import ContainedFolder
from workbench.core.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def output_to(log: Path) -> Iterator[None]:
    """Append everything that this process and its children print inside to ``log``.

    The file descriptors themselves are redirected, so that progress bars, existing log handlers and
    C libraries are silenced too.

    Raises:
        MachineError: The file cannot be written.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        stream = os.fdopen(ContainedFolder(log.parent).open_to_append(log), "a", encoding="utf-8")
    except OSError as error:
        raise MachineError(f"{log}: cannot be written: {error.strerror}") from error
    originals = {number: os.dup(number) for number in (1, 2)}
    with stream:
        try:
            for number in originals:
                os.dup2(stream.fileno(), number)
            with redirect_stdout(stream), redirect_stderr(stream):
                yield
        finally:
            stream.flush()
            for number, original in originals.items():
                os.dup2(original, number)
                os.close(original)
