"""Writing files so that a reader, or a power cut, never sees half of one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from workbench.errors import MachineError

if TYPE_CHECKING:
    from pathlib import Path


def replace(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` in one atomic step.

    Raises:
        MachineError: The disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise MachineError(f"{path}: cannot be written: {error.strerror}") from error
