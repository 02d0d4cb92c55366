"""What a user asks of a live run: a file appears, the worker consumes it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, get_args

from workbench.core import files
from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Collection

    from workbench.runs.folder import RunFolder
    from workbench.runs.status import Status

Request = Literal["stop", "checkpoint", "evaluate", "continue"]

REQUESTS: tuple[Request, ...] = get_args(Request)

WAITING = "over budget: waiting for an answer"
"""The phase of a run that waits for ``continue`` or ``stop``."""


def ask(run: RunFolder, request: Request) -> None:
    """Leave a request for the worker of ``run``.

    What has no worker yet, because it was lost while it waited or waits for a scheduler, is stopped
    for good.

    Raises:
        BadInputError: No worker is at work on it, it has no step to come, or it does not wait for
            an answer.
    """
    status = run.status()
    scheduled = status.state == "queued" and status.pid is None and bool(status.scheduler)
    if request == "stop" and (status.stranded or scheduled):
        ended = {"state": "stopped", "reason": "taken out of the queue", "stranded": False}
        status.model_copy(update={**ended, "ended": time.time()}).save(run.status_file)
        return
    if why := refusal(status, request):
        raise BadInputError(f"{run.id} {why}")
    files.write_atomic(run.control / request, "")


def refusal(status: Status, request: Request) -> str:
    """Why a run that stands so cannot be asked this, in words that follow its id; empty if it can.

    A checkpoint or an evaluation is made after a step, so that a step must be to come.
    """
    if not status.live:
        return f"is {status.state}: there is no worker to {request}"
    if request == "continue" and status.phase != WAITING:
        return f"waits for no answer: it is {status.phase or status.state}"
    if request in ("stop", "continue"):
        return ""
    if status.phase == WAITING:
        return "waits over its budget: continue or stop it first"
    if status.state == "stopping" or 0 < status.total <= status.step:
        return f"has taken its last step: there is nothing to {request} any more"
    return ""


def take_stop(run: RunFolder) -> bool:
    """Consume a request to stop, and no other; for the worker while no step is being taken."""
    waits = (run.control / "stop").exists()
    (run.control / "stop").unlink(missing_ok=True)
    return waits


def take(run: RunFolder, which: Collection[Request] = REQUESTS) -> list[Request]:
    """Consume the requests that wait, or those of ``which``; for the worker between steps."""
    waiting: list[Request] = [name for name in which if (run.control / name).exists()]
    for name in waiting:
        (run.control / name).unlink(missing_ok=True)
    return waiting
