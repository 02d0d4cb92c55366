"""Locks that the system releases when their holder dies, on files that may be removed meanwhile."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def lock_file(path: Path, *, wait: bool) -> int | None:
    """Lock a file, created if needed, and return it open; None where another holds it.

    A cleaner may remove the file between its opening and its locking, and another process may by
    then have locked a new one of that name: the lock counts only while its path is that file.

    Args:
        path: The file.
        wait: Wait for the holder to release it.

    Raises:
        OSError: It cannot be opened, or its file system does not support locks.
    """
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(file)
            return None
        except BaseException:
            os.close(file)
            raise
        if is_at(file, path):
            return file
        os.close(file)


def is_at(file: int, path: Path) -> bool:
    """Whether an open file is still the one at ``path``."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file), path.lstat())
    return False
