"""Doing what the findings of a run advise, from inside the workbench."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from workbench.core.errors import FtwbError
from workbench.tui import ftwb_process
from workbench.tui.messages import ActionResult, OpenChat, OpenForm
from workbench.tui.screens.next_step import NextStepScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.evaluation.analysis.findings import NextStep
    from workbench.runs.folder import RunFolder
    from workbench.tui.screens.base import WorkbenchScreen

    Doing = Callable[[WorkbenchScreen, RunFolder, list[str]], None]


def offer_next_steps(screen: WorkbenchScreen, run: RunFolder) -> None:
    """Let the user choose what to do about the findings of ``run``, and do it."""
    reading = screen.workbench.bands.get(run.id)
    if reading is None:
        screen.notify("The report is still being read.")
        return
    if reading.band is None:
        screen.notify("The report cannot be judged: r says why.", severity="warning")
        return

    def chosen(step: NextStep | None) -> None:
        if step:
            _take(screen, run, step)

    screen.app.push_screen(NextStepScreen(run.id, reading.band, effect_of), chosen)


def effect_of(step: NextStep) -> str:
    """What choosing it does."""
    return _way(step).effect


def _take(screen: WorkbenchScreen, run: RunFolder, step: NextStep) -> None:
    _way(step).do(screen, run, list(step.arguments[1:]))


def _fill_form(screen: WorkbenchScreen, run: RunFolder, arguments: list[str]) -> None:
    """Open the form with the recipe of ``run``, changed as the command says."""
    changes = tuple(value for option, value in pairwise(arguments) if option == "--set")
    screen.post_message(OpenForm(run, changes))


def _open_chat(screen: WorkbenchScreen, run: RunFolder, _arguments: list[str]) -> None:
    screen.post_message(OpenChat(run))


def _sweep_strength(screen: WorkbenchScreen, run: RunFolder, arguments: list[str]) -> None:
    _start(screen, run, "sweep-strength", arguments, _swept)


def _evaluate(screen: WorkbenchScreen, run: RunFolder, arguments: list[str]) -> None:
    _start(screen, run, "evaluate", arguments, _evaluated)


def _start(
    screen: WorkbenchScreen,
    run: RunFolder,
    verb: str,
    arguments: list[str],
    describe: Callable[[RunFolder, list[str], dict[str, Any]], str],
) -> None:
    """Run a command in a process that ends with the workbench, unless it is under way already."""
    app, name = screen.workbench, f"{verb} of {run.id}"
    if any(worker.name == name and not worker.is_finished for worker in app.workers):
        screen.notify(f"{name}: under way already.", markup=False)
        return

    async def run_and_report() -> None:
        root = str(run.path.parent)
        try:
            answer = await ftwb_process.read_json("--runs-dir", root, verb, *arguments, "--json")
            text = await asyncio.to_thread(describe, run, arguments, answer)
        except FtwbError as error:
            app.post_message(ActionResult(f"{name}: {error}", succeeded=False))
        else:
            app.post_message(ActionResult(text))

    app.run_worker(run_and_report, name=name, group=name)
    screen.notify(
        f"{name}: started. It takes minutes, and ends when the workbench is closed.", markup=False
    )


def _swept(run: RunFolder, _arguments: list[str], answer: dict[str, Any]) -> str:
    """The strength that keeps most of what was learned, and the run it was saved as."""
    return f"{run.id} at strength {answer['best']:g} is saved as {answer['saved']['id']}."


def _evaluated(run: RunFolder, arguments: list[str], answer: dict[str, Any]) -> str:
    """The verdict on what was measured."""
    from workbench.evaluation.analysis.analysis import analyse
    from workbench.evaluation.report import Report

    findings = analyse(Report.model_validate(answer))
    at = f" at step {arguments[-1]}" if "--checkpoint" in arguments else ""
    return f"{run.id}{at}: {findings.outcome}. {findings.proof}."


@dataclass(frozen=True)
class _Way:
    """How a command of :class:`NextStep` is done here, and what the dialog says of it."""

    effect: str
    do: Doing


_WAYS = {
    "train": _Way("enter fills the form with it", _fill_form),
    "sweep-strength": _Way("enter starts it in the background", _sweep_strength),
    "evaluate": _Way("enter starts it in the background", _evaluate),
    "chat": _Way("enter opens the chat", _open_chat),
}
"""By command of ``ftwb``."""


def _way(step: NextStep) -> _Way:
    """Commands that cannot be done here are copied, for a shell."""

    def copy(screen: WorkbenchScreen, _run: RunFolder, _arguments: list[str]) -> None:
        screen.app.copy_to_clipboard(step.command)

    return _WAYS.get(step.arguments[0], _Way("enter copies the command", copy))
