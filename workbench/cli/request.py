"""Ask the worker of a live run to do something, and wait for its answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from workbench.cli.output import emit_json, narrate
from workbench.runs.control import (
    POLL_INTERVAL,
    PendingRequest,
    describe_answer,
    when_handled,
)

SILENCE_SECONDS = 10.0
"""Seconds that a silent worker gets to show that it lives."""

if TYPE_CHECKING:
    from workbench.runs.control import AnsweredRequest
    from workbench.runs.events import Event
    from workbench.runs.folder import RunFolder


def ask_worker(
    run: RunFolder, request: AnsweredRequest, *, wait: bool, as_json: bool
) -> Event | None:
    """Send a request, and return the worker's answer if ``wait``.

    Raises:
        BadInputError: The run cannot take this request in its present state.
        MachineError: The worker could not do it.
        RunFailedError: The run ended first.
    """
    question = PendingRequest(run, request)
    narrate(f"{run.id}: asked to {request} {when_handled(run.status())}")
    if not wait:
        if as_json:
            emit_json({"run": run.id, "request": request})
        return None
    while (event := question.poll()) is None:
        time.sleep(POLL_INTERVAL)
    narrate(f"{run.id}: {describe_answer(event)}")
    return event


def answer_json(run: RunFolder, request: AnsweredRequest, event: Event, **details: Any) -> None:
    """Print an answer as JSON."""
    emit_json({"run": run.id, "request": request, "step": event["step"], **details})


def stays_silent(run: RunFolder) -> bool:
    """Whether the worker of a run, which was just asked something, still gives no sign of life.

    One that responds is not waited for.
    """
    deadline = time.monotonic() + SILENCE_SECONDS
    while run.status().is_unresponsive:
        if time.monotonic() >= deadline:
            return True
        time.sleep(POLL_INTERVAL)
    return False
