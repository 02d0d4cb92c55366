"""One worker a run: a lock that the worker holds while it lives, and whoever starts one before.

The lock is a file in the run's folder. Some network and FUSE file systems know no locks: there it
is a file in the folder of the queue, which keeps out all of this machine. What keeps out the others
is then the status alone: a run whose worker beats on another host is live and is not resumed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workbench.core import locations
from workbench.core.errors import BadInputError, MachineError
from workbench.runs.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workbench.runs.folder import RunFolder

_LOOK = 0.1
"""Seconds between two tries."""


@contextmanager
def alone(run: RunFolder, patience: float = 0.0) -> Iterator[None]:
    """Have the run to oneself inside; the system frees it when the process dies.

    Args:
        run: The run.
        patience: Seconds to wait for another to let go.

    Raises:
        BadInputError: Another process holds it.
        MachineError: Its folder cannot be written, or files can be locked nowhere.
    """
    file = _open_lock(run)
    try:
        deadline = time.monotonic() + patience
        while not _lock(file):
            if time.monotonic() >= deadline:
                raise BadInputError(f"{run.id}: another worker, or another resume, has it")
            time.sleep(_LOOK)
        yield
    finally:
        os.close(file)


def _open_lock(run: RunFolder) -> int:
    """The file to lock: all processes of this machine come to the same one."""
    try:
        file = _open(run.path / ".lock")
    except OSError as error:
        raise MachineError(f"{run.path}: cannot be written: {error.strerror}") from error
    if _knows_locks(file):
        return file
    os.close(file)
    return _open_lock_here(run)


def _open_lock_here(run: RunFolder) -> int:
    """The file to lock where the runs' own file system knows no locks.

    Raises:
        MachineError: Nor does that of the queue.
    """
    folder = Queue(locations.queue()).claim_folder()
    name = hashlib.sha256(os.fsencode(run.path.resolve())).hexdigest()[:32]
    try:
        file = _open(folder / f"run-{name}.lock")
    except OSError as error:
        raise MachineError(f"{folder}: cannot be written: {error.strerror}") from error
    if _knows_locks(file):
        return file
    os.close(file)
    raise MachineError(
        f"files can be locked neither in {run.path} nor in {folder}; "
        "set FTWB_QUEUE to a folder on a local disk"
    )


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _knows_locks(file: int) -> bool:
    """Whether its file system can lock it at all, be it by this process or another."""
    try:
        _lock(file)
    except OSError:
        return False
    return True


def _lock(file: int) -> bool:
    """Whether the file is this process's own from now on."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
