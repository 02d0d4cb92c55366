"""The worker's only way to tell the world: events.jsonl and status.json."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.core.errors import MachineError
from workbench.runs.control import take_stop
from workbench.runs.events import EventLog
from workbench.runs.status import LIVE, Status
from workbench.training.reporting.disk_full import Disk, StopRequested

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.runs.status import State

_T = TypeVar("_T")

_PROGRESS = 1.0
"""Seconds between two writes of status.json that change nothing but step and heartbeat."""

_HEARTBEAT = 10.0
"""Seconds between two writes that only say that the worker lives."""


class Reporter:
    """Keeps the event log and the status of one run true; where a disk is full it waits."""

    def __init__(self, run: RunFolder, worker: int | None = None) -> None:
        """Take over the status as the run's worker, or for the one of the pid ``worker``."""
        self._run = run
        self._log = EventLog(run.events)
        before = run.status()
        self.status = Status.of_process(
            os.getpid() if worker is None else worker,
            state="starting",
            created=before.created,
            started=time.time(),
            phase="starting",
            step=before.step,
            total=before.total,
        )
        self._saved = 0.0
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._disk = Disk(run, self)
        with suppress(MachineError):
            self._save()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def event(self, kind: str, **values: Any) -> None:
        """Append an event at the current step.

        Raises:
            StopAsked: The disk is full, and the user wants the run to end here.
        """
        self.retry_when_disk_full(lambda: self._log.append(kind, self.status.step, **values))

    def last_event(self, kind: str, **values: Any) -> None:
        """The same, without waiting for room.

        Raises:
            OSError: The disk is full or cannot be written.
        """
        self._log.append(kind, self.status.step, **values)

    def state(self, state: State, reason: str = "") -> None:
        """Move the run to another state, at once; the last state ends the heartbeat.

        Raises:
            MachineError: The status cannot be written.
            StopAsked: The disk is full, and the user wants the run to end here.
        """
        self.retry_when_disk_full(lambda: self._move(state, reason))

    def end(self, state: State, reason: str) -> None:
        """Move it to its last state as far as the disk has room: a device is not held for that."""
        with suppress(MachineError):
            self._move(state, reason)

    def _move(self, state: State, reason: str) -> None:
        live = state in LIVE
        if not live:
            self._disk.give_up_reserve()
        with self._lock:
            ended = {} if live else {"ended": time.time(), "paused": ""}
            self._update(state=state, reason=reason, **ended)
            self._save()
            if not live:
                self._ended.set()

    def retry_when_disk_full(self, write: Callable[[], _T], also: Path | None = None) -> _T:
        """Do ``write``, which leaves nothing behind where it fails; wait while the disk is full.

        Args:
            write: Done again from its start once there is room.
            also: A folder beside the run's that it writes to.

        Raises:
            StopAsked: The disk is full, and the user wants the run to end here.
        """
        return self._disk.retry_when_disk_full(write, also or self._run.path)

    def pause(self, why: str) -> None:
        """Say that the run stands still, where the disk has room for so much."""
        with self._lock, suppress(MachineError):
            self._update(paused=why)
            self._save()

    def go_on(self, after: str) -> None:
        """Say that it stands still no more."""
        with self._lock, suppress(MachineError):
            self._update(paused="")
            self._save()
        self.notice(after, level="warning")

    def phase(
        self, name: str, detail: str = "", done: int = 0, total: int = 0, *, stoppable: bool = True
    ) -> None:
        """Say what is being done before, between or after the steps.

        Raises:
            StopAsked: The user wants the run to end here; never where it is not ``stoppable``.
        """
        if stoppable and take_stop(self._run):
            raise StopRequested(f"stopped on request while {name}")
        if name != self.status.phase or self._due() or done == total:
            self.retry_when_disk_full(partial(self._enter, name))
            self.event("phase", name=name, detail=detail, done=done, total=total)

    def _enter(self, phase: str) -> None:
        with self._lock:
            self._update(phase=phase)
            self._save()

    def step(self, step: int, total: int) -> None:
        """Note the step just taken; the file is written about once a second.

        A disk that is full for a moment does not end the run: the next write tells it.
        """
        with self._lock:
            self._update(step=step, total=total)
            if self._due() or step == total:
                with suppress(MachineError):
                    self._save()

    def notice(self, text: str, level: str = "info") -> None:
        """Tell the user something that is not a number."""
        self.event("notice", level=level, text=text)

    def _due(self) -> bool:
        return time.monotonic() - self._saved >= _PROGRESS

    def _beat(self) -> None:
        """Say that the worker lives while a long step, a load or a save says nothing."""
        while not self._ended.wait(_HEARTBEAT):
            with self._lock, suppress(MachineError):
                if not self._ended.is_set():
                    self._save()

    def _update(self, **values: Any) -> None:
        self.status = self.status.model_copy(update=values)

    def _save(self) -> None:
        self._saved = time.monotonic()
        self._update(heartbeat=time.time())
        self.status.save(self._run.status_file)
