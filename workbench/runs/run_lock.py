"""One worker per run: a lock held by the worker while it lives, and by whoever starts one.

The lock is a file in the run's folder. Some network and FUSE file systems do not support locks:
then it is a file in the folder of the queue, which covers all processes of this machine. Against
other machines only the status protects: a run whose worker sends heartbeats from another host is
live and is not resumed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from workbench.core import locations
from workbench.core.contained import ContainedFolder
from workbench.core.errors import BadInputError, MachineError
from workbench.runs.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workbench.runs.folder import RunFolder

_ALIVE = ".alive"
_RETRY_INTERVAL = 0.1
"""Seconds between two attempts."""


@contextmanager
def locked(run: RunFolder, timeout: float = 0.0) -> Iterator[None]:
    """Hold the run's lock inside the context; the system releases it when the process dies.

    Args:
        run: The run.
        timeout: Seconds to wait for another process to release it.

    Raises:
        BadInputError: Another process holds it.
        MachineError: The folder cannot be written, or files cannot be locked anywhere.
    """
    file = _open_lock_file(run)
    try:
        deadline = time.monotonic() + timeout
        while not _try_lock(file):
            if time.monotonic() >= deadline:
                raise BadInputError(f"{run.id}: locked by another worker or resume")
            time.sleep(_RETRY_INTERVAL)
        yield
    finally:
        os.close(file)


@contextmanager
def proof_of_life(run: RunFolder) -> Iterator[None]:
    """Hold another lock of the run inside the context: its worker does, for as long as it lives.

    It tells the truth where pids cannot: in other containers, and on other hosts that share a file
    system with locks. Without such locks nothing is held.
    """
    file = None
    with suppress(OSError):
        file = _open(run.path / _ALIVE)
        fcntl.flock(file, fcntl.LOCK_EX)  # whoever looks holds it for a moment only
    try:
        yield
    finally:
        if file is not None:
            os.close(file)


def has_proof_of_life(run: RunFolder) -> bool:
    """Whether a worker of the run lives; false also where that cannot be told."""
    try:
        file = run.files.open(run.path / _ALIVE, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)
    return False


def _open_lock_file(run: RunFolder) -> int:
    """Open the file to lock; all processes of this machine get the same one."""
    in_run = _open_if_lockable(run.path / ".lock")
    if in_run is not None:
        return in_run
    folder = Queue(locations.queue()).ensure_folder()
    name = hashlib.sha256(os.fsencode(run.path.resolve())).hexdigest()[:32]
    in_queue = _open_if_lockable(folder / f"run-{name}.lock")
    if in_queue is not None:
        return in_queue
    raise MachineError(
        f"files can be locked neither in {run.path} nor in {folder}; "
        "set FTWB_QUEUE to a folder on a local disk"
    )


def _open_if_lockable(path: Path) -> int | None:
    """Open a lock file; None if its file system does not support locks.

    Raises:
        MachineError: The folder cannot be written.
    """
    try:
        file = _open(path)
    except OSError as error:
        raise MachineError(f"{path.parent}: cannot be written: {error.strerror}") from error
    try:
        _try_lock(file)
    except OSError:
        os.close(file)
        return None
    return file


def _open(path: Path) -> int:
    return ContainedFolder(path.parent).open(path, os.O_RDWR | os.O_CREAT)


def _try_lock(file: int) -> bool:
    """Lock the file unless another process has.

    Raises:
        OSError: The file system does not support locks.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
