"""What can be done with a run from any screen that shows one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import FtwbError
from workbench.runs.control import ask
from workbench.tui.screens.confirm import ConfirmScreen
from workbench.tui.screens.text import TextScreen

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder
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
        ask(run, "stop")
    except FtwbError as error:
        screen.notify(str(error), severity="warning", markup=False)
    else:
        screen.notify(f"Asked {run.id} to stop.", markup=False)


def resume_in_background(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Start a worker that goes on from the newest whole checkpoint; reading it takes a while."""
    from workbench.training.resuming import resume

    def start() -> None:
        resume(run)

    screen.run_worker(start, thread=True, exclusive=True, group="resume", exit_on_error=False)


def go_on(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Tell a worker that waits over its budget to go on."""
    try:
        ask(run, "continue")
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
