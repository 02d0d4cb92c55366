"""Runs wait for a device in the order of their launch, and no daemon watches over them.

Each device has a file that the worker on it keeps locked (``flock``) for as long as it lives, so
that no crash leaves a device taken. ``line.json`` names those who wait, first come first; only who
holds ``line.lock`` reads or writes it, and the dead are dropped by whoever does.
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
from workbench.runs.process import identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class Ticket(NamedTuple):
    """A place in the queue: whose worker waits, and for which devices.

    Attributes:
        run: The path of the run.
        process: See :func:`workbench.runs.process.identity`.
        devices: Keys of the devices it can take; none until its worker has looked.
    """

    run: str
    pid: int
    process: str | None
    devices: tuple[str, ...] = ()

    def lives(self) -> bool:
        """Whether its worker still waits."""
        return self.process is not None and identity(self.pid) == self.process

    def meets(self, devices: Sequence[str]) -> bool:
        """Whether it could take one of ``devices``, as far as is known."""
        return not self.devices or not set(self.devices).isdisjoint(devices)


@dataclass(frozen=True)
class Taken:
    """Devices that are this process's own until it ends: the files must stay open."""

    devices: tuple[str, ...]
    files: tuple[int, ...]


@dataclass(frozen=True)
class Queue:
    """The queue of one user on one machine."""

    folder: Path

    @contextmanager
    def alone(self) -> Iterator[list[Ticket]]:
        """Keep all others out; what is done to the list of those who wait is kept.

        Raises:
            MachineError: The folder is someone else's, cannot be written or cannot be locked.
        """
        self.claim_folder()
        lock = _open(self.folder / "line.lock")
        try:
            _lock(lock, self.folder)
            before = self._read()
            waiting = [ticket for ticket in before if ticket.lives()]
            yield waiting
            if waiting != before:
                files.write_atomic(self.folder / "line.json", json.dumps(waiting))
        finally:
            os.close(lock)

    def try_acquire(self, run: Path, devices: Sequence[str], count: int = 1) -> Taken | int:
        """Take the first free devices if nobody is ahead, else tell this process's place, from 1.

        All ``count`` of them or none, so that two who need several never wait for each other; and
        nobody overtakes one who needs many, however long they take to become free.

        Raises:
            MachineError: See :meth:`alone`.
        """
        with self.alone() as waiting:
            pids = [ticket.pid for ticket in waiting]
            own = Ticket(str(run), os.getpid(), identity(os.getpid()), tuple(devices))
            place = pids.index(own.pid) if own.pid in pids else len(waiting)
            waiting[place:] = [own, *waiting[place + 1 :]]
            ahead = [ticket for ticket in waiting[:place] if ticket.meets(devices)]
            taken = None if ahead else self._take(devices, count)
            if taken:
                waiting.pop(place)
            return taken or len(ahead) + 1

    def _take(self, devices: Sequence[str], count: int) -> Taken | None:
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
            return Taken(tuple(locked), tuple(locked.values()))
        for file in locked.values():
            os.close(file)
        return None

    def claim_folder(self) -> Path:
        """Make sure of the folder, and return it.

        Raises:
            MachineError: It cannot be made, or is someone else's.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self.folder.lstat()
        except OSError as error:
            raise MachineError(f"{self.folder}: cannot be made: {error.strerror}") from error
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise MachineError(
                f"{self.folder}: is not a folder of yours; set FTWB_QUEUE to one on a local disk"
            )
        return self.folder

    def _read(self) -> list[Ticket]:
        line = self.folder / "line.json"
        if not line.is_file():
            return []
        rows = json.loads(line.read_text(encoding="utf-8"))
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
