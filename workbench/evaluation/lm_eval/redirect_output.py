"""Libraries that print and log: what they say goes into a file, not on anybody's screen."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

from workbench.core.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def output_to(log: Path) -> Iterator[None]:
    """Append all that this process and its children print inside to ``log``.

    The descriptors themselves are led there, so that bars, log handlers made before and libraries
    in C are silent too.

    Raises:
        MachineError: The file cannot be written.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        stream = log.open("a", encoding="utf-8")
    except OSError as error:
        raise MachineError(f"{log}: cannot be written: {error.strerror}") from error
    kept = {number: os.dup(number) for number in (1, 2)}
    with stream:
        try:
            for number in kept:
                os.dup2(stream.fileno(), number)
            with redirect_stdout(stream), redirect_stderr(stream):
                yield
        finally:
            stream.flush()
            for number, copy in kept.items():
                os.dup2(copy, number)
                os.close(copy)
