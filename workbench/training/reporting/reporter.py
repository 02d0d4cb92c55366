"""What the worker reports: events.jsonl and status.json, and nothing else."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.core.cgroups import oom_kills
from workbench.core.errors import MachineError
from workbench.runs.control import AWAITING_ANSWER, take_stop
from workbench.runs.events import EventLog
from workbench.runs.status import HEARTBEAT_SECONDS, LIVE, Status
from workbench.training.reporting.disk_full import DiskSpace, StopRequested
from workbench.training.reporting.worker_log import WorkerLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.runs.status import State

_T = TypeVar("_T")

_PROGRESS_SECONDS = 1.0
"""Seconds between two writes of status.json that change nothing but step and heartbeat."""

_HEARTBEAT_SECONDS = HEARTBEAT_SECONDS

_LEAST_SHARE = 0.005
"""Share of one processor below which a worker that reports nothing gives no sign of life."""


class Reporter:
    """Keeps the event log and the status of one run up to date; waits while the disk is full."""

    def __init__(self, run: RunFolder, worker: int | None = None) -> None:
        """Take over the status as the run's worker, or on behalf of that of pid ``worker``."""
        self._run = run
        self._log = EventLog(run.events)
        before = run.status()
        self.status = Status.of_process(
            os.getpid() if worker is None else worker,
            state="starting",
            created=before.created,
            started=time.time(),
            phase="starting",
            oom_kills=oom_kills(),
            step=before.step,
            total=before.total,
        )
        self._last_save = 0.0
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._disk = DiskSpace(run, self)
        self._worker_log = WorkerLog(run)
        with suppress(MachineError):
            self._save()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def event(self, kind: str, **values: Any) -> None:
        """Append an event at the current step.

        Raises:
            StopRequested: The disk is full, and the user wants the run to end here.
        """
        self.retry_when_disk_full(lambda: self._log.append(kind, self.status.step, **values))

    def event_without_retry(self, kind: str, **values: Any) -> None:
        """Append an event at the current step without waiting for space.

        Raises:
            OSError: The disk is full or cannot be written.
        """
        self._log.append(kind, self.status.step, **values)

    def notice(self, text: str, level: str = "info") -> None:
        """Append a message to the user."""
        self.event("notice", level=level, text=text)

    def phase(
        self, name: str, detail: str = "", done: int = 0, total: int = 0, *, stoppable: bool = True
    ) -> None:
        """Record what is done before, between or after the steps, and how much of it.

        Progress within a phase is recorded about once a second.

        Raises:
            StopRequested: The user wants the run to end here; never where it is not ``stoppable``.
        """
        if stoppable and take_stop(self._run):
            raise StopRequested(f"stopped on request while {name}")
        self._worker_log.phase(name)
        if name != self.status.phase or self._save_is_due() or done == total:
            self.retry_when_disk_full(partial(self._update_and_save, phase=name))
            self.event("phase", name=name, detail=detail, done=done, total=total)

    def step(self, step: int, total: int) -> None:
        """Record the step just taken; the file is written about once a second.

        A disk that is full for a moment does not end the run: the next write catches up.
        """
        with self._lock:
            self._update(step=step, total=total)
            if self._save_is_due() or step == total:
                with suppress(MachineError):
                    self._save()

    def set_state(self, state: State, reason: str = "") -> None:
        """Record another state of the run at once; a final one ends the heartbeat.

        Raises:
            MachineError: The status cannot be written.
            StopRequested: The disk is full, and the user wants the run to end here.
        """
        self.retry_when_disk_full(lambda: self._set_state(state, reason))

    def end(self, state: State, reason: str) -> None:
        """Record the final state if the disk has space: no device is kept waiting for that."""
        with suppress(MachineError):
            self._set_state(state, reason)

    def retry_when_disk_full(self, write: Callable[[], _T], also: Path | None = None) -> _T:
        """Call ``write``, which leaves nothing behind where it fails; wait while the disk is full.

        Args:
            write: Called again from its start once there is space.
            also: A folder outside the run's that it writes to.

        Raises:
            StopRequested: The disk is full, and the user wants the run to end here.
        """
        return self._disk.retry_when_full(write, also or self._run.path)

    def pause(self, reason: str) -> None:
        """Show the run as paused, where the disk has space for so much."""
        with suppress(MachineError):
            self._update_and_save(paused=reason)

    def resume(self, message: str) -> None:
        """Show the run as running again, and append ``message``."""
        with suppress(MachineError):
            self._update_and_save(paused="")
        self.notice(message, level="warning")

    def _set_state(self, state: State, reason: str) -> None:
        if state in LIVE:
            self._update_and_save(state=state, reason=reason)
            return
        self._disk.give_up_reserve()
        with self._lock:
            self._update_and_save(state=state, reason=reason, ended=time.time(), paused="")
            self._ended.set()
        self._worker_log.end(state, reason)

    def _update_and_save(self, **values: Any) -> None:
        with self._lock:
            self._update(**values)
            self._save()

    def _update(self, **values: Any) -> None:
        self.status = self.status.model_copy(update=values)

    def _save(self) -> None:
        self._last_save = time.monotonic()
        self._update(heartbeat=time.time())
        self.status.save(self._run.status_file)

    def _save_is_due(self) -> bool:
        return time.monotonic() - self._last_save >= _PROGRESS_SECONDS

    def _beat(self) -> None:
        """Show that the worker lives during a long step, load or save.

        That needs proof, as this thread may live on where the others hang: something was reported
        since the last beat, or the process has used the processor. A worker that waits for its user
        or for space on a disk needs none.
        """
        used = _processor_seconds()
        while not self._ended.wait(_HEARTBEAT_SECONDS):
            self._worker_log.rotate()
            before, used = used, _processor_seconds()
            reported = time.monotonic() - self._last_save < _HEARTBEAT_SECONDS
            waits = self.status.is_paused or self.status.phase == AWAITING_ANSWER
            if not (reported or waits or used - before > _LEAST_SHARE * _HEARTBEAT_SECONDS):
                continue
            with self._lock, suppress(MachineError):
                if not self._ended.is_set():
                    self._save()


def _processor_seconds() -> float:
    """Seconds for which this process and the children it waited for have used a processor."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
