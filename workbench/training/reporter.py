"""The worker's only way to tell the world: events.jsonl and status.json."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from workbench.runs.control import take
from workbench.runs.events import EventLog
from workbench.runs.status import Status

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder
    from workbench.runs.status import State

_HEARTBEAT = 1.0
"""Seconds between two writes of status.json that change nothing but step and heartbeat."""


class StopAsked(Exception):  # noqa: N818 - an order, not an error
    """The user asked the run to stop while no step was being taken."""


class Reporter:
    """Keeps the event log and the status of one run true."""

    def __init__(self, run: RunFolder) -> None:
        """Take over the status as the run's worker."""
        self._run = run
        self._log = EventLog(run.events)
        created = run.status().created
        self.status = Status.of_this_process(
            state="starting", created=created, started=time.time(), phase="starting"
        )
        self._saved = 0.0
        self._save()

    def event(self, kind: str, **values: Any) -> None:
        """Append an event at the current step."""
        self._log.append(kind, self.status.step, **values)

    def state(self, state: State, reason: str = "") -> None:
        """Move the run to another state, at once."""
        ended = None if state in ("starting", "running", "stopping") else time.time()
        self._update(state=state, reason=reason, ended=ended)
        self._save()

    def phase(self, name: str, detail: str = "", done: int = 0, total: int = 0) -> None:
        """Say what is being done before, between or after the steps.

        Raises:
            StopAsked: The user wants the run to end here.
        """
        if "stop" in take(self._run):
            raise StopAsked(f"stopped on request while {name}")
        if name != self.status.phase or self._due() or done == total:
            self._update(phase=name)
            self.event("phase", name=name, detail=detail, done=done, total=total)
            self._save()

    def step(self, step: int, total: int) -> None:
        """Note the step just taken; the file is written about once a second."""
        self._update(step=step, total=total)
        if self._due() or step == total:
            self._save()

    def notice(self, text: str, level: str = "info") -> None:
        """Tell the user something that is not a number."""
        self.event("notice", level=level, text=text)

    def _due(self) -> bool:
        return time.time() - self._saved >= _HEARTBEAT

    def _update(self, **values: Any) -> None:
        self.status = self.status.model_copy(update=values)

    def _save(self) -> None:
        self._saved = time.time()
        self._update(heartbeat=self._saved)
        self.status.save(self._run.status_file)
