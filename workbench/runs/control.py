"""Requests to the worker of a live run.

A request is a file in the run's ``control`` folder; the worker consumes it between two steps. What
came of a checkpoint or an evaluation it writes into the event log.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Literal, get_args

from workbench.core.errors import BadInputError, MachineError, RunFailedError
from workbench.runs import checkpoints
from workbench.runs.events import EventReader
from workbench.runs.process import process_identity

if TYPE_CHECKING:
    from collections.abc import Collection

    from workbench.runs.events import Event
    from workbench.runs.folder import RunFolder
    from workbench.runs.status import Status

Request = Literal["stop", "checkpoint", "evaluate", "continue"]

REQUESTS: tuple[Request, ...] = get_args(Request)

AnsweredRequest = Literal["checkpoint", "evaluate"]
"""Requests that the worker answers in the event log, after a step."""

AWAITING_ANSWER = "over budget: waiting for an answer"
"""The phase of a run that is paused until ``continue`` or ``stop``."""

_KILL_INTERVAL = 0.05
POLL_INTERVAL = 0.25
"""Seconds between two looks for an answer."""


def send_request(run: RunFolder, request: Request) -> None:
    """Send a request to the worker of ``run``.

    A stop takes a run that has no worker yet (waiting for a scheduler, or lost while queued) out of
    the queue at once.

    Raises:
        BadInputError: The run cannot handle this request in its present state.
    """
    status = run.status()
    scheduled = status.state == "queued" and status.pid is None and bool(status.scheduler)
    if request == "stop" and (status.lost_while_queued or scheduled):
        stopped = {"state": "stopped", "reason": "taken out of the queue", "ended": time.time()}
        status.model_copy(update={**stopped, "lost_while_queued": False}).save(run.status_file)
        return
    if why := refusal(status, request):
        raise BadInputError(f"{run.id} {why}")
    run.files.write_atomic(run.control / request, "")


def kill_worker(run: RunFolder) -> str:
    """Kill the worker of a run that does not respond, and record the run as stopped.

    Returns:
        What is left of the run, in words: the newest checkpoint, or that there is none.

    Raises:
        BadInputError: The worker responds, or it is not a process of this machine.
        MachineError: It belongs to another user, or the status cannot be written.
    """
    status = run.status()
    if not status.is_unresponsive:
        raise BadInputError(f"{run.id} is {status.label}: only a worker that hangs is killed")
    if status.pid is None or process_identity(status.pid) != status.process:
        raise BadInputError(f"{run.id}: its worker is not a process of this machine; kill it there")
    try:
        os.kill(status.pid, signal.SIGKILL)
    except OSError as error:
        raise MachineError(f"{run.id}: pid {status.pid}: {error.strerror}") from error
    while process_identity(status.pid) == status.process:
        time.sleep(_KILL_INTERVAL)
    left = what_is_left(run)
    reason = f"its worker did not respond and was killed on request; {left}"
    ended = {"state": "stopped", "reason": reason, "ended": time.time()}
    status.model_copy(update=ended).save(run.status_file)
    return left


def what_is_left(run: RunFolder) -> str:
    """From where a run could be resumed, in words."""
    saved = checkpoints.steps(run)
    return f"newest checkpoint: step {saved[0]}" if saved else "no checkpoint was written"


def refusal(status: Status, request: Request) -> str:
    """Why a run in this state cannot handle the request, as words after its id; empty if it can.

    Checkpoints and evaluations are made after a step, so at least one step must be left.
    """
    if not status.live:
        return f"is {status.state}: there is no worker to {request}"
    if request == "continue" and status.phase != AWAITING_ANSWER:
        return f"is not waiting for an answer ({status.phase or status.state})"
    if request in ("stop", "continue"):
        return ""
    if status.phase == AWAITING_ANSWER:
        return "is paused: over its KL budget; continue or stop it first"
    if status.state == "stopping" or 0 < status.total <= status.step:
        return f"has finished its last step; there is nothing left to {request}"
    return ""


def take_stop(run: RunFolder) -> bool:
    """Consume a request to stop, and no other; for the worker when it takes no steps."""
    only_stop: tuple[Request, ...] = ("stop",)
    return bool(take_requests(run, only_stop))


def take_requests(run: RunFolder, kinds: Collection[Request] = REQUESTS) -> list[Request]:
    """Consume the waiting requests of these kinds; for the worker between two steps."""
    waiting = [kind for kind in kinds if run.files.is_file(run.control / kind)]
    return [kind for kind in waiting if run.files.remove(run.control / kind)]


class PendingRequest:
    """A request that was sent to a worker and that it will answer in the event log."""

    def __init__(self, run: RunFolder, request: AnsweredRequest) -> None:
        """Send the request.

        Raises:
            BadInputError: The run cannot handle this request in its present state.
        """
        self.run = run
        self.request = request
        self._reader = EventReader(run.events, at_end=True)
        send_request(run, request)

    def poll(self) -> Event | None:
        """The worker's answer; None while it is busy with its step.

        A checkpoint that is written for another reason in the meantime is an answer as well.

        Raises:
            MachineError: The worker failed to do it, and says why.
            RunFailedError: The run ended before handling the request.
        """
        status = self.run.status()  # read before the log, so that nothing written later is missed
        for event in self._reader.read():
            if self._is_answer(event):
                if event.get("level") == "warning":
                    raise MachineError(f"{self.run.id}: {event['text']}")
                return event
        if not status.live:
            ended = "was lost" if status.state == "lost" else status.state
            why = f": {status.reason}" if status.reason else ""
            raise RunFailedError(f"{self.run.id} {ended} before handling the request{why}")
        return None

    def _is_answer(self, event: Event) -> bool:
        is_checkpoint = self.request == "checkpoint" and event["kind"] == "checkpoint"
        return is_checkpoint or event.get("answers") == self.request


def when_handled(status: Status) -> str:
    """When a worker will handle a request, as words after "asked to …"."""
    started = status.state not in ("queued", "starting")
    return "after the current step" if started else "after its first step"


def describe_answer(event: Event) -> str:
    """A worker's answer, for people."""
    if event["kind"] == "checkpoint":
        return f"wrote {event['path']}"
    return str(event["text"])
