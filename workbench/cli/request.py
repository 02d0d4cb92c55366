"""Ask the worker of a live run to do something, and wait for its answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from workbench.cli.output import emit_json, narrate
from workbench.runs.requests import INTERVAL, Question, told, when

if TYPE_CHECKING:
    from workbench.runs.events import Event
    from workbench.runs.folder import RunFolder
    from workbench.runs.requests import Answered


def ask_worker(run: RunFolder, request: Answered, *, wait: bool, as_json: bool) -> Event | None:
    """Send a request, and return the worker's answer if ``wait``.

    Raises:
        BadInputError: The run cannot take this request in its present state.
        MachineError: The worker could not do it.
        RunFailedError: The run ended first.
    """
    question = Question(run, request)
    narrate(f"{run.id}: asked to {request} {when(run.status())}")
    if not wait:
        if as_json:
            emit_json({"run": run.id, "request": request})
        return None
    while (event := question.answer()) is None:
        time.sleep(INTERVAL)
    narrate(f"{run.id}: {told(event)}")
    return event


def answer_json(run: RunFolder, request: Answered, event: Event, **details: Any) -> None:
    """Print an answer as JSON."""
    emit_json({"run": run.id, "request": request, "step": event["step"], **details})
