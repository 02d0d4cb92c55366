"""What a user asks of a live run: a file appears, the worker consumes it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, get_args

from workbench.errors import BadInputError
from workbench.runs import files

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder

Request = Literal["stop", "checkpoint", "evaluate", "continue"]

WAITING = "over budget: waiting for an answer"
"""The phase of a run that waits for ``continue`` or ``stop``."""


def ask(run: RunFolder, request: Request) -> None:
    """Leave a request for the worker of ``run``; one lost while it waited is not queued again.

    Raises:
        BadInputError: No worker is at work on it, or it does not wait for an answer.
    """
    status = run.status()
    if status.stranded and request == "stop":
        ended = {"state": "stopped", "reason": "taken out of the queue", "stranded": False}
        status.model_copy(update={**ended, "ended": time.time()}).save(run.status_file)
        return
    if not status.live:
        raise BadInputError(f"{run.id} is {status.state}: there is no worker to {request}")
    if request == "continue" and status.phase != WAITING:
        raise BadInputError(f"{run.id} waits for no answer: it is {status.phase or status.state}")
    files.replace(run.control / request, "")


def take_stop(run: RunFolder) -> bool:
    """Consume a request to stop, and no other; for the worker while no step is being taken."""
    waits = (run.control / "stop").exists()
    (run.control / "stop").unlink(missing_ok=True)
    return waits


def take(run: RunFolder) -> list[Request]:
    """Consume the requests that wait; the worker calls this between steps."""
    waiting: list[Request] = [name for name in get_args(Request) if (run.control / name).exists()]
    for name in waiting:
        (run.control / name).unlink(missing_ok=True)
    return waiting
