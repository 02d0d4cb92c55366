"""What can be done with a run from any screen that shows one."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from textual.worker import get_current_worker

from workbench.core.errors import FtwbError
from workbench.runs.control import (
    POLL_INTERVAL,
    PendingRequest,
    describe_answer,
    send_request,
    when_handled,
)
from workbench.tui.messages import ActionResult
from workbench.tui.screens.confirm import ConfirmScreen
from workbench.tui.screens.text import TextScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.control import AnsweredRequest
    from workbench.runs.folder import RunFolder
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.screens.base import WorkbenchScreen

_LOG_BYTES = 65536


def confirm_stop(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Ask the user, then the worker."""
    question = ConfirmScreen(
        f"Stop {run.id}?",
        "The worker ends after the step it is in and keeps what it has learned so far.",
        "Stop it",
    )

    def answered(yes: bool | None) -> None:
        if yes:
            stop(screen, run)

    screen.app.push_screen(question, answered)


def stop(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Ask the worker to stop."""
    try:
        send_request(run, "stop")
    except FtwbError as error:
        screen.notify(str(error), severity="warning", markup=False)
    else:
        screen.notify(f"Asked {run.id} to stop.", markup=False)


def ask_worker(screen: WorkbenchScreen, run: RunFolder, request: AnsweredRequest) -> None:
    """Ask the worker, and tell what came of it once it has answered."""
    try:
        question = PendingRequest(run, request)
    except FtwbError as error:
        screen.notify(str(error), severity="warning", markup=False)
        return
    screen.notify(f"Asked {run.id} to {request} {when_handled(run.status())}.", markup=False)
    _in_background(screen.workbench, partial(_await, question), f"{request} {run.id}")


def _await(question: PendingRequest) -> str:
    """Wait for the answer; nothing is told where the same is asked again or the app is left."""
    worker = get_current_worker()
    while not worker.is_cancelled:
        if event := question.poll():
            return f"{question.run.id}: {describe_answer(event)}."
        time.sleep(POLL_INTERVAL)
    return ""


def resume_in_background(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Start a worker that goes on from the newest whole checkpoint; reading it takes a while."""
    _in_background(screen.workbench, partial(_resume, run), f"resume {run.id}")


def _resume(run: RunFolder) -> str:
    from workbench.planning.resume_launch import resume

    choice = resume(run)
    return ". ".join([*choice.broken, f"{run.id} goes on from step {choice.step}."])


def _in_background(app: WorkbenchApp, work: Callable[[], str], group: str) -> None:
    """Do ``work`` in a thread that outlives the screen, and tell its words, or why it failed."""

    def tell() -> None:
        try:
            words = work()
        except FtwbError as error:
            app.post_message(ActionResult(str(error), good=False))
        else:
            if words:
                app.post_message(ActionResult(words))

    app.run_worker(tell, thread=True, exclusive=True, group=group, exit_on_error=False)


def go_on(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Tell a worker that waits over its budget to go on."""
    try:
        send_request(run, "continue")
    except FtwbError as error:
        screen.notify(str(error), severity="warning", markup=False)
    else:
        screen.notify(f"Told {run.id} to go on.", markup=False)


def show_recipe(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Show the recipe as it was launched."""
    text = run.recipe_file.read_text(encoding="utf-8", errors="replace")
    screen.app.push_screen(TextScreen(f"Recipe of {run.id}", text))


def show_log(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Show the end of the worker's output."""
    text = log_tail(run, _LOG_BYTES) or "The worker has written nothing."
    screen.app.push_screen(TextScreen(f"Log of {run.id}", text, at_end=True))


def log_tail(run: RunFolder, size: int) -> str:
    """The last ``size`` bytes of worker.log in whole lines; empty when there is no log."""
    if not run.log.is_file():
        return ""
    with run.log.open("rb") as stream:
        length = stream.seek(0, 2)
        stream.seek(max(0, length - size))
        text = stream.read().decode(errors="replace")
    return text if length <= size else text.partition("\n")[2]
