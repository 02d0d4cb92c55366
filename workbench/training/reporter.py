"""The worker's only way to tell the world: events.jsonl and status.json."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from workbench.errors import MachineError
from workbench.runs.control import take_stop
from workbench.runs.events import EventLog
from workbench.runs.status import LIVE, Status

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder
    from workbench.runs.status import State

_PROGRESS = 1.0
"""Seconds between two writes of status.json that change nothing but step and heartbeat."""

_HEARTBEAT = 10.0
"""Seconds between two writes that only say that the worker lives."""


class StopAsked(Exception):  # noqa: N818 - an order, not an error
    """The user asked the run to stop while no step was being taken."""


class Reporter:
    """Keeps the event log and the status of one run true."""

    def __init__(self, run: RunFolder) -> None:
        """Take over the status as the run's worker."""
        self._run = run
        self._log = EventLog(run.events)
        before = run.status()
        self.status = Status.of_this_process(
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
        self._save()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def event(self, kind: str, **values: Any) -> None:
        """Append an event at the current step."""
        self._log.append(kind, self.status.step, **values)

    def state(self, state: State, reason: str = "") -> None:
        """Move the run to another state, at once; the last state ends the heartbeat.

        Raises:
            MachineError: The status cannot be written.
        """
        live = state in LIVE
        with self._lock:
            self._update(state=state, reason=reason, ended=None if live else time.time())
            self._save()
        if not live:
            self._ended.set()

    def phase(
        self, name: str, detail: str = "", done: int = 0, total: int = 0, *, stoppable: bool = True
    ) -> None:
        """Say what is being done before, between or after the steps.

        Raises:
            StopAsked: The user wants the run to end here; never where it is not ``stoppable``.
        """
        if stoppable and take_stop(self._run):
            raise StopAsked(f"stopped on request while {name}")
        if name != self.status.phase or self._due() or done == total:
            with self._lock:
                self._update(phase=name)
                self._save()
            self.event("phase", name=name, detail=detail, done=done, total=total)

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
