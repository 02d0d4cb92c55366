"""What a report advises is one key away: the form, a background process, the chat, or a copy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from textual.widgets import OptionList

from tests.chat.scripted_client import ScriptedClient
from tests.tui.conftest import form_of, until, workbench
from tests.tui.looking import screen_text
from tests.tui.pictured_runs import hijacked_run
from tests.tui.test_band import REPORTS
from workbench.core.errors import FtwbError
from workbench.evaluation.analysis.findings import NextStep
from workbench.tui import ftwb_process
from workbench.tui.messages import OpenReport
from workbench.tui.next_steps import effect_of
from workbench.tui.screens import chat
from workbench.tui.screens.chat import ChatScreen
from workbench.tui.screens.new_run import NewRunScreen
from workbench.tui.screens.next_step import NextStepScreen
from workbench.tui.screens.report import ReportScreen

if TYPE_CHECKING:
    from textual.pilot import Pilot
    from textual.screen import Screen

    from workbench.runs.folder import Runs
    from workbench.tui.app import WorkbenchApp


async def _dialog(app: WorkbenchApp, pilot: Pilot[None]) -> NextStepScreen:
    """Press the key as soon as the screen shown offers it."""
    await until(pilot, lambda: app.bands and _offers(app.screen, "n"))
    await pilot.press("n")
    await until(pilot, lambda: isinstance(app.screen, NextStepScreen))
    assert isinstance(app.screen, NextStepScreen)
    return app.screen


def _offers(screen: Screen[Any], key: str) -> bool:
    active = screen.active_bindings.get(key)
    return bool(active and active.enabled)


class Process:
    """Stands in for the ``ftwb`` process: records its arguments and gives an answer or an error."""

    def __init__(self, answer: dict[str, Any] | FtwbError) -> None:
        self.answer = answer
        self.calls: list[tuple[str, ...]] = []
        self.may_end = asyncio.Event()

    async def read_json(self, *arguments: str, text: str = "") -> dict[str, Any]:
        assert not text
        self.calls.append(arguments)
        await self.may_end.wait()
        if isinstance(self.answer, FtwbError):
            raise self.answer
        return self.answer


@pytest.mark.slow
async def test_replay_opens_the_form_with_the_recipe_of_the_run_and_replay(runs: Runs) -> None:
    run = hijacked_run(runs)
    async with workbench(runs) as (app, pilot):
        app.post_message(OpenReport(run))
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        await _dialog(app, pilot)
        assert "domain leak +99 points" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, NewRunScreen))
        form = await form_of(app, pilot)
        await until(pilot, lambda: form.values()["name"] == "support")
        assert float(form.values()["retention"]["replay"]["share"]) == 0.2
        assert "support   its recipe" in screen_text(app)


@pytest.mark.slow
async def test_a_form_that_is_open_already_is_filled_as_well(runs: Runs) -> None:
    hijacked_run(runs)
    async with workbench(runs, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        before = form.values()
        await pilot.press("f3")
        await _dialog(app, pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, NewRunScreen))
        await until(pilot, lambda: form.values()["name"] == "support")
        assert before["name"] != "support"
        assert float(form.values()["retention"]["replay"]["share"]) == 0.2


async def test_a_strength_sweep_runs_in_the_background_and_says_what_it_saved(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, toasts: list[str]
) -> None:
    process = Process({"best": 0.4, "saved": {"id": "support-0.4"}})
    monkeypatch.setattr(ftwb_process, "read_json", process.read_json)
    run = hijacked_run(runs)
    async with workbench(runs) as (app, pilot):
        for _ in range(2):
            await _dialog(app, pilot)
            await pilot.press("down", "enter")
            await until(pilot, lambda: not isinstance(app.screen, NextStepScreen))
        await until(pilot, lambda: any("under way already" in toast for toast in toasts))
        process.may_end.set()
        await until(pilot, lambda: f"{run.id} at strength 0.4 is saved as support-0.4." in toasts)
    root = str(runs.root)
    assert process.calls == [
        ("--runs-dir", root, "sweep-strength", run.id, "--choose", "best", "--json")
    ]


@pytest.mark.parametrize("saved", [0, 2])
async def test_an_earlier_checkpoint_is_judged_where_there_is_one(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, toasts: list[str], saved: int
) -> None:
    process = Process(REPORTS["KEPT"]().model_dump(mode="json"))
    process.may_end.set()
    monkeypatch.setattr(ftwb_process, "read_json", process.read_json)
    run = hijacked_run(runs)
    for step in range(saved):
        (run.checkpoints / f"step-{20 * (step + 1)}").mkdir(parents=True)
    async with workbench(runs) as (app, pilot):
        dialog = await _dialog(app, pilot)
        assert dialog.query_one(OptionList).option_count == (3 if saved else 2)
        if not saved:
            return
        await pilot.press("end", "enter")
        await until(pilot, lambda: any(" KEPT. all " in toast for toast in toasts))
    ((_, _, *command),) = process.calls
    assert command == ["evaluate", run.id, "--checkpoint", "20", "--json"]
    assert any(f"{run.id} at step 20: KEPT." in toast for toast in toasts)


async def test_a_command_that_fails_says_why(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, toasts: list[str]
) -> None:
    process = Process(FtwbError("no strength beats the base"))
    process.may_end.set()
    monkeypatch.setattr(ftwb_process, "read_json", process.read_json)
    hijacked_run(runs)
    async with workbench(runs) as (app, pilot):
        await _dialog(app, pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: any("no strength beats the base" in toast for toast in toasts))


async def test_a_kept_run_leads_to_the_chat(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "EngineClient", lambda _run: ScriptedClient(opening=((),)))
    REPORTS["KEPT"]().save(hijacked_run(runs).report)
    async with workbench(runs) as (app, pilot):
        await _dialog(app, pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ChatScreen))


async def test_the_command_of_a_step_can_be_copied(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    monkeypatch.setattr(
        "workbench.tui.app.WorkbenchApp.copy_to_clipboard", lambda _app, text: copied.append(text)
    )
    run = hijacked_run(runs)
    async with workbench(runs) as (app, pilot):
        await _dialog(app, pilot)
        await pilot.press("c", "down", "c")
        await until(pilot, lambda: len(copied) == 2)
    assert copied == [
        f"ftwb train {run.recipe_file} --set retention.replay.share=0.2",
        f"ftwb sweep-strength {run.id} --choose best",
    ]


async def test_a_report_that_cannot_be_judged_has_no_next_step(
    runs: Runs, toasts: list[str]
) -> None:
    hijacked_run(runs).report.write_text("{")
    async with workbench(runs) as (app, pilot):
        await until(pilot, lambda: app.bands and _offers(app.screen, "n"))
        await pilot.press("n")
        await until(pilot, lambda: any("cannot be judged" in toast for toast in toasts))


def test_a_command_unknown_here_is_copied() -> None:
    step = NextStep(text="ask a colleague", arguments=("ask", "RUN"))
    assert effect_of(step) == "enter copies the command"
