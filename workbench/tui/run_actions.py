"""Everything that can be done with a run: one table for the screens of runs, and its handlers.

Adding an action is one :class:`RunAction` in :data:`RUN_ACTIONS` and its handler. Runs, Live and
Report (every :class:`~workbench.tui.screens.run_screen.RunScreen`) then have its key and its entry
in footer, palette and help, greyed while it does not apply.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.worker import get_current_worker

from workbench.core.errors import FtwbError
from workbench.runs import control
from workbench.runs.control import (
    AWAITING_ANSWER,
    POLL_INTERVAL,
    PendingRequest,
    describe_answer,
    refusal,
    when_handled,
)
from workbench.tui.commands import command
from workbench.tui.messages import ActionResult, OpenChat, OpenReport, OpenRun
from workbench.tui.screens.confirm import ConfirmScreen
from workbench.tui.screens.text import TextScreen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.binding import Binding

    from workbench.runs.control import AnsweredRequest, Request
    from workbench.runs.folder import RunFolder
    from workbench.runs.run_index import RunSnapshot
    from workbench.tui.screens.base import WorkbenchScreen

_SHOWN_BYTES = 64 << 10


@dataclass(frozen=True)
class RunAction:
    """One thing that can be done with a run.

    Attributes:
        id: Names the action in bindings and in the tests.
        keys: Comma-separated; the first is shown.
        label: A word or two for the footer and the palette.
        help: One sentence for the help screen and the palette.
        applies: Whether it makes sense for a run in this state.
        handle: Does it; called with the screen the user is on.
        footer: Whether the footer has room for it.
    """

    id: str
    keys: str
    label: str
    help: str
    applies: Callable[[RunSnapshot], bool]
    handle: Callable[[WorkbenchScreen, RunFolder], None]
    footer: bool = True

    def binding(self) -> Binding:
        """Its key on every :class:`~workbench.tui.screens.run_screen.RunScreen`."""
        action = f"run_action('{self.id}')"
        return command(self.keys, action, self.label, self.help, id=self.id, footer=self.footer)


def _always(_: RunSnapshot) -> bool:
    return True


def _can_stop(snapshot: RunSnapshot) -> bool:
    return snapshot.status.live or snapshot.status.lost_while_queued


def _takes_requests(snapshot: RunSnapshot) -> bool:
    return not refusal(snapshot.status, "evaluate")


def _can_resume(snapshot: RunSnapshot) -> bool:
    return snapshot.resumable_step > 0


def _is_over_budget(snapshot: RunSnapshot) -> bool:
    return snapshot.status.phase == AWAITING_ANSWER


def _has_result(snapshot: RunSnapshot) -> bool:
    return snapshot.has_result


def _has_report(snapshot: RunSnapshot) -> bool:
    return snapshot.has_report


def confirm_stop(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Ask the user whether to stop ``run``, then ask its worker; one that hangs can be killed."""
    if run.status().is_unresponsive:
        _confirm_kill(screen, run)
        return
    question = ConfirmScreen(
        f"Stop {run.id}?",
        "The worker finishes its current step and keeps what the model has learned so far.",
        "Stop it",
    )

    def answered(confirmed: bool | None) -> None:
        if confirmed:
            send_request(screen, run, "stop", f"Asked {run.id} to stop.")

    screen.app.push_screen(question, answered)


def _confirm_kill(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Ask a silent worker to stop, and the user whether to kill it."""
    send_request(screen, run, "stop", f"Asked {run.id} to stop.")
    question = ConfirmScreen(
        f"Kill the worker of {run.id}?",
        f"It does not respond, so it cannot save. What is kept: {control.what_is_left(run)}.",
        "Kill it",
    )

    def answered(confirmed: bool | None) -> None:
        if confirmed:
            _in_background(screen, partial(_kill, run), f"killing {run.id}")

    screen.app.push_screen(question, answered)


def _kill(run: RunFolder) -> str:
    return f"Killed the worker of {run.id}; {control.kill_worker(run)}."


def continue_over_budget(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Let a run that paused over its KL budget continue."""
    send_request(screen, run, "continue", f"Asked {run.id} to continue.")


def send_request(screen: WorkbenchScreen, run: RunFolder, request: Request, notice: str) -> None:
    """Leave a request that needs no answer, and show ``notice``, or why the run refuses."""
    try:
        control.send_request(run, request)
    except FtwbError as error:
        screen.notify(str(error), severity="warning", markup=False)
    else:
        screen.notify(notice, markup=False)


def request_and_await(request: AnsweredRequest, screen: WorkbenchScreen, run: RunFolder) -> None:
    """Leave a request for the worker of ``run``, and report its answer when it comes."""
    try:
        question = PendingRequest(run, request)
    except FtwbError as error:
        screen.notify(str(error), severity="warning", markup=False)
        return
    screen.notify(f"Asked {run.id} to {request} {when_handled(run.status())}.", markup=False)
    _in_background(screen, partial(_await_answer, question), f"{request} of {run.id}")


def _await_answer(question: PendingRequest) -> str:
    """The answer in words; empty if the same is asked again meanwhile or the app is closed."""
    worker = get_current_worker()
    while not worker.is_cancelled:
        if event := question.poll():
            return f"{question.run.id}: {describe_answer(event)}."
        time.sleep(POLL_INTERVAL)
    return ""


def resume(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Start a worker that resumes ``run`` from its newest intact checkpoint.

    Checking a checkpoint reads all of it, which takes a while.
    """
    _in_background(screen, partial(_resume, run), f"resuming {run.id}")


def _resume(run: RunFolder) -> str:
    from workbench.planning.resume_launch import resume as launch_resume

    choice = launch_resume(run)
    return ". ".join([*choice.broken, f"{run.id} resumes from step {choice.step}."])


def _in_background(screen: WorkbenchScreen, work: Callable[[], str], activity: str) -> None:
    """Run ``work`` in a thread of the app, which outlives the screen, and report its result."""
    app = screen.app

    def run_and_report() -> None:
        try:
            text = work()
        except FtwbError as error:
            app.post_message(ActionResult(str(error), succeeded=False))
        else:
            if text:
                app.post_message(ActionResult(text))

    app.run_worker(run_and_report, name=activity, group=activity, exclusive=True, thread=True)


def open_chat(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Chat with the result of ``run``."""
    screen.post_message(OpenChat(run))


def open_report(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Show the report of ``run``."""
    screen.post_message(OpenReport(run))


def open_live(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Show the curves of ``run``."""
    screen.post_message(OpenRun(run))


def choose_next_step(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Offer what the findings of ``run`` advise."""
    from workbench.tui.next_steps import offer_next_steps

    offer_next_steps(screen, run)


def show_recipe(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Show the recipe that ``run`` was launched with."""
    _show_text(screen, run, run.recipe_file, f"Recipe of {run.id}", "The run has no recipe.")


def show_log(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Show the end of the worker's output."""
    empty = "The worker has not written anything."
    _show_text(screen, run, run.log, f"Log of {run.id}", empty, at_end=True)


def _show_text(
    screen: WorkbenchScreen,
    run: RunFolder,
    file: Path,
    title: str,
    empty: str,
    *,
    at_end: bool = False,
) -> None:
    try:
        text = run.files.tail(file, _SHOWN_BYTES) or empty
    except OSError as error:
        screen.notify(f"{file}: {error.strerror}", severity="warning", markup=False)
        return
    screen.app.push_screen(TextScreen(title, text, at_end=at_end))


RUN_ACTIONS: tuple[RunAction, ...] = (
    RunAction(
        id="stop",
        keys="s",
        label="Stop",
        help="Ask the worker to stop and keep what it has learned.",
        applies=_can_stop,
        handle=confirm_stop,
    ),
    RunAction(
        id="checkpoint",
        keys="k",
        label="Checkpoint",
        help="Write a checkpoint after the current step.",
        applies=_takes_requests,
        handle=partial(request_and_await, "checkpoint"),
    ),
    RunAction(
        id="evaluate",
        keys="e",
        label="Evaluate",
        help="Measure after the current step what was learned and what was kept.",
        applies=_takes_requests,
        handle=partial(request_and_await, "evaluate"),
    ),
    RunAction(
        id="resume",
        keys="u",
        label="Resume",
        help="Resume a run that ended early from its newest checkpoint.",
        applies=_can_resume,
        handle=resume,
    ),
    RunAction(
        id="continue",
        keys="g",
        label="Continue",
        help="Continue a run that is paused over its KL budget.",
        applies=_is_over_budget,
        handle=continue_over_budget,
    ),
    RunAction(
        id="chat",
        keys="c",
        label="Chat",
        help="Chat with the tuned model beside its base.",
        applies=_has_result,
        handle=open_chat,
    ),
    RunAction(
        id="report",
        keys="r",
        label="Report",
        help="Read what the run learned and what it forgot.",
        applies=_always,
        handle=open_report,
    ),
    RunAction(
        id="next",
        keys="n",
        label="Next step",
        help="Do what the report advises: train again, weaken, judge a checkpoint, or chat.",
        applies=_has_report,
        handle=choose_next_step,
    ),
    RunAction(
        id="live",
        keys="w",
        label="Curves",
        help="Watch loss, forgetting, memory and notices of the run.",
        applies=_always,
        handle=open_live,
    ),
    RunAction(
        id="log",
        keys="l",
        label="Log",
        help="Read the end of the worker's log.",
        applies=_always,
        handle=show_log,
        footer=False,
    ),
    RunAction(
        id="recipe",
        keys="y",
        label="Recipe",
        help="Read the recipe as YAML.",
        applies=_always,
        handle=show_recipe,
        footer=False,
    ),
)
