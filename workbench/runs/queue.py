"""The queue for devices: runs start in the order of their launch, without a daemon.

Each device has a lock file that its worker keeps locked (``flock``) while it lives, so that no
crash leaves a device taken. ``waiting.json`` lists the workers that wait, first come first; it is
read and written only under ``waiting.lock``, and whoever does so drops the dead ones.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from workbench.core import files
from workbench.core.errors import MachineError
from workbench.runs.process import process_identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class Ticket(NamedTuple):
    """A place in the queue.

    Attributes:
        run: The path of the run.
        pid: The pid of its worker.
        process: See :func:`workbench.runs.process.process_identity`.
        devices: Keys of the devices it can use; empty until its worker has found out.
    """

    run: str
    pid: int
    process: str | None
    devices: tuple[str, ...] = ()

    def is_alive(self) -> bool:
        """Whether its worker is alive."""
        return self.process is not None and process_identity(self.pid) == self.process

    def competes_for(self, devices: Sequence[str]) -> bool:
        """Whether it may take one of ``devices``, as far as is known."""
        return not self.devices or not set(self.devices).isdisjoint(devices)


@dataclass(frozen=True)
class AcquiredDevices:
    """Devices that belong to this process until it ends; the files must stay open."""

    devices: tuple[str, ...]
    files: tuple[int, ...]


@dataclass(frozen=True)
class Queue:
    """The queue of one user on one machine."""

    folder: Path

    @contextmanager
    def locked(self) -> Iterator[list[Ticket]]:
        """Lock the queue and yield the waiting tickets; changes to the list are saved.

        Raises:
            MachineError: The folder belongs to someone else, or cannot be written or locked.
        """
        self.ensure_folder()
        lock = _open(self.folder / "waiting.lock")
        try:
            _lock(lock, self.folder)
            before = self._read()
            waiting = [ticket for ticket in before if ticket.is_alive()]
            yield waiting
            if waiting != before:
                files.write_atomic(self.folder / "waiting.json", json.dumps(waiting))
        finally:
            os.close(lock)

    def try_acquire(
        self, run: Path, devices: Sequence[str], count: int = 1
    ) -> AcquiredDevices | int:
        """Acquire the first free devices if nobody is ahead, or return the queue position, from 1.

        All ``count`` devices are acquired or none, so that two runs that need several never wait
        for each other; and nobody overtakes a run that needs many.

        Raises:
            MachineError: See :meth:`locked`.
        """
        with self.locked() as waiting:
            pids = [ticket.pid for ticket in waiting]
            own = Ticket(str(run), os.getpid(), process_identity(os.getpid()), tuple(devices))
            place = pids.index(own.pid) if own.pid in pids else len(waiting)
            waiting[place:] = [own, *waiting[place + 1 :]]
            ahead = [ticket for ticket in waiting[:place] if ticket.competes_for(devices)]
            acquired = None if ahead else self._lock_devices(devices, count)
            if acquired:
                waiting.pop(place)
            return acquired or len(ahead) + 1

    def _lock_devices(self, devices: Sequence[str], count: int) -> AcquiredDevices | None:
        locked: dict[str, int] = {}
        for device in devices:
            if len(locked) == count:
                break
            file = _open(self.folder / f"{device}.lock")
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                locked[device] = file
                continue
            os.close(file)
        if len(locked) == count:
            return AcquiredDevices(tuple(locked), tuple(locked.values()))
        for file in locked.values():
            os.close(file)
        return None

    def ensure_folder(self) -> Path:
        """Create the folder if needed, and return it.

        Raises:
            MachineError: It cannot be created, or belongs to someone else.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            info = self.folder.lstat()
        except OSError as error:
            raise MachineError(f"{self.folder}: cannot be created: {error.strerror}") from error
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid():
            raise MachineError(
                f"{self.folder}: not a folder of yours; set FTWB_QUEUE to one on a local disk"
            )
        return self.folder

    def _read(self) -> list[Ticket]:
        path = self.folder / "waiting.json"
        if not path.is_file():
            return []
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [Ticket(run, pid, process, tuple(devices)) for run, pid, process, devices in rows]


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise MachineError(f"{path}: cannot be opened: {error.strerror}") from error


def _lock(file: int, folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        raise MachineError(
            f"{folder}: files cannot be locked there ({error.strerror}); "
            "set FTWB_QUEUE to a folder on a local disk"
        ) from error
