"""The queue for devices: runs start in the order of their launch, without a daemon.

Each device has a lock file that its worker keeps locked (``flock``) while it lives, so that no
crash leaves a device taken. ``waiting.json`` lists the workers that wait, first come first; it is
read and written only under ``waiting.lock``, and whoever does so drops the dead ones.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from workbench.core import files
from workbench.core.errors import MachineError
from workbench.core.locks import is_at, lock_file
from workbench.runs.process import process_identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
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
    """Devices that belong to this process until it ends; the files must stay open.

    Attributes:
        devices: Their keys.
        files: Their locked files, in the same order.
        folder: Where these files are.
    """

    devices: tuple[str, ...]
    files: tuple[int, ...]
    folder: Path

    def keep(self) -> None:
        """Renew the time of each lock file, and lock a new one where it was removed.

        A cleaner of temporary files removes what was not used for days, locked or not.
        """
        for device, file in zip(self.devices, self.files, strict=True):
            with suppress(OSError):
                os.utime(file)
                path = _lock_path(self.folder, device)
                if not is_at(file, path) and (renewed := lock_file(path, wait=False)):
                    os.dup2(renewed, file, inheritable=False)
                    os.close(renewed)


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
        try:
            lock = lock_file(self.folder / "waiting.lock", wait=True)
        except OSError as error:
            raise MachineError(
                f"{self.folder}: files cannot be locked there ({error.strerror}); "
                "set FTWB_QUEUE to a folder on a local disk"
            ) from error
        assert lock is not None  # noqa: S101 - it was waited for
        try:
            waiting = [ticket for ticket in self._read() if ticket.is_alive()]
            yield waiting
            if waiting != self._read():
                self.save(waiting)
        finally:
            os.close(lock)

    def save(self, waiting: Sequence[Ticket]) -> None:
        """Record the waiting tickets; only inside :meth:`locked`, which does it at its end too.

        Raises:
            MachineError: The disk is full or the folder is not writable.
        """
        files.write_atomic(self.folder / "waiting.json", json.dumps(waiting))

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
            if ahead or (acquired := self._lock_devices(devices, count)) is None:
                return len(ahead) + 1
            waiting.pop(place)
            try:
                self.save(waiting)
            except MachineError:
                _close(acquired.files)
                raise
            return acquired

    def _lock_devices(self, devices: Sequence[str], count: int) -> AcquiredDevices | None:
        locked: dict[str, int] = {}
        try:
            for device in devices:
                if len(locked) == count:
                    break
                file = lock_file(_lock_path(self.folder, device), wait=False)
                if file is not None:
                    locked[device] = file
        except OSError as error:
            _close(locked.values())
            raise MachineError(f"{self.folder}: cannot be used: {error.strerror}") from error
        if len(locked) == count:
            return AcquiredDevices(tuple(locked), tuple(locked.values()), self.folder)
        _close(locked.values())
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
        """The tickets on disk; none where the file is broken: who waits then queues up again."""
        path = self.folder / "waiting.json"
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))
            return [Ticket(run, pid, process, tuple(names)) for run, pid, process, names in rows]
        except (FileNotFoundError, ValueError, TypeError):
            return []
        except OSError as error:
            raise MachineError(f"{path}: cannot be read: {error.strerror}") from error


def _lock_path(folder: Path, device: str) -> Path:
    return folder / f"{device}.lock"


def _close(opened: Iterable[int]) -> None:
    for file in opened:
        os.close(file)
