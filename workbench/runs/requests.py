"""What comes of a request: the worker writes its answer into the event log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from workbench.core.errors import MachineError, RunFailedError
from workbench.runs.control import ask
from workbench.runs.events import EventReader

if TYPE_CHECKING:
    from workbench.runs.events import Event
    from workbench.runs.folder import RunFolder
    from workbench.runs.status import Status

Answered = Literal["checkpoint", "evaluate"]
"""Requests that are answered after a step."""

INTERVAL = 0.25
"""Seconds between two looks for an answer."""


class Question:
    """A request to the worker of a run, and where its answer will stand."""

    def __init__(self, run: RunFolder, request: Answered) -> None:
        """Ask.

        Raises:
            BadInputError: The run cannot be asked this as it stands.
        """
        self.run = run
        self.request = request
        self._reader = EventReader(run.events, at_end=True)
        ask(run, request)

    def answer(self) -> Event | None:
        """What the worker answered, None as long as it is busy with its step.

        A checkpoint that it wrote for another reason meanwhile is as good an answer.

        Raises:
            MachineError: It could not do it, and says why.
            RunFailedError: The run ended before.
        """
        status = self.run.status()  # before the log is read: what is written until then is seen
        for event in self._reader.read():
            if self._is_answer(event):
                if event.get("level") == "warning":
                    raise MachineError(f"{self.run.id}: {event['text']}")
                return event
        if not status.live:
            why = f": {status.reason}" if status.reason else ""
            raise RunFailedError(f"{self.run.id} was {status.state} before it came to it{why}")
        return None

    def _is_answer(self, event: Event) -> bool:
        written = self.request == "checkpoint" and event["kind"] == "checkpoint"
        return written or event.get("answers") == self.request


def when(status: Status) -> str:
    """When a worker gets to what it is asked, in words that follow the asking."""
    begun = status.state not in ("queued", "starting")
    return "after the step it is in" if begun else "after its first step"


def told(event: Event) -> str:
    """An answer in words."""
    if event["kind"] == "checkpoint":
        return f"{event['path']} is written"
    return str(event["text"])
