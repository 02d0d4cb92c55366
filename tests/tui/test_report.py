"""The report page: the sentence first, then the items, and the chat one key away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets import Static

from tests.chat.scripted_client import ScriptedClient
from tests.evaluation.reports import Suite, make_report
from tests.tui.conftest import SIZES, until, workbench
from tests.tui.looking import text_of
from tests.tui.scripted import make_run, set_state, write_steps
from workbench.tui.screens import chat
from workbench.tui.screens.chat import ChatScreen
from workbench.tui.screens.live import LiveScreen
from workbench.tui.screens.pick_run import PickReportScreen
from workbench.tui.screens.report import ReportScreen
from workbench.tui.screens.runs import RunsScreen, RunTable
from workbench.tui.widgets.chat.prompt import PromptBox
from workbench.tui.widgets.common.band import BandLine
from workbench.tui.widgets.run.capabilities import CapabilityPane
from workbench.tui.widgets.run.criteria import CriteriaPane
from workbench.tui.widgets.run.items import ItemAnswers, ItemList

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from workbench.runs.folder import RunFolder, Runs
    from workbench.tui.app import WorkbenchApp

SUITES = (
    Suite("knowledge", kept=40, never=10),
    Suite("instructions", kept=5, lost=40, gained=2, never=5, measures="behaviour"),
)


def _finished(runs: Runs) -> RunFolder:
    run = make_run(runs, "finished")
    write_steps(run, 1, 3)
    set_state(run, "finished", step=3, total=3)
    run.model.mkdir()
    (run.model / "adapter_model.safetensors").touch()
    make_report(*SUITES).save(run.report)
    return run


async def _open(app: WorkbenchApp, pilot: Pilot[None]) -> ReportScreen:
    """Key 4, then the first run."""
    await until(pilot, lambda: app.rows)
    await pilot.press("4")
    await until(pilot, lambda: isinstance(app.screen, PickReportScreen))
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, ReportScreen))
    assert isinstance(app.screen, ReportScreen)
    return app.screen


def _reason(screen: ReportScreen) -> str:
    return str(screen.query_one("#no-report", Static).visual)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_the_sentence_then_the_items_then_the_chat_with_the_question_ready(
    runs: Runs, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "EngineClient", lambda _run: ScriptedClient(opening=((),)))
    _finished(runs)
    async with workbench(runs, size) as (app, pilot):
        screen = await _open(app, pilot)
        await until(pilot, lambda: screen.findings)
        await until(
            pilot, lambda: text_of(screen, BandLine).startswith(" LOST  all items together")
        )
        small = size == (80, 24)
        if small:
            assert screen.query_one(CriteriaPane).has_focus
            assert not screen.query_one("#items-pane").display
            await pilot.press("v")
            await until(pilot, lambda: screen.query_one(CapabilityPane).has_focus)
            assert not screen.query_one(CriteriaPane).display
            await pilot.press("v")
        items = screen.query_one(ItemList)
        await until(pilot, lambda: items.has_focus and items.region.height > 4)
        assert screen.query_one("#capabilities").display is not small
        assert str(items.border_title) == "Items that changed: 40 lost, 2 gained"
        for widget in screen.query("*"):
            assert widget.region.right <= size[0], widget
        await pilot.press("down")
        both = screen.query_one(ItemAnswers).query_one(Static)
        await until(pilot, lambda: "instructions 6?" in str(both.visual))
        assert "base  ✓ right\n1" in str(both.visual)
        assert "tuned  ✗ wrong\n0" in str(both.visual)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ChatScreen))
        prompt = app.screen.query_one(PromptBox)
        await until(pilot, lambda: prompt.text == "instructions 6?")


async def test_a_run_without_a_report_says_why_and_shows_it_when_it_comes(runs: Runs) -> None:
    run = make_run(runs, "young")
    write_steps(run, 1, 3)
    async with workbench(runs) as (app, pilot):
        screen = await _open(app, pilot)
        await until(pilot, lambda: "No report yet" in _reason(screen))
        assert f"{run.id} is running" in _reason(screen)
        assert not screen.query_one("#body").display
        set_state(run, "failed", reason="CUDA out of memory")
        app.refresh_rows()
        await until(pilot, lambda: "is failed: CUDA out of memory" in _reason(screen))
        assert "l shows the end of its log" in _reason(screen)


async def test_a_report_from_before_items_says_that_nothing_was_measured(runs: Runs) -> None:
    run = _finished(runs)
    make_report().save(run.report)
    async with workbench(runs, (80, 24)) as (app, pilot):
        screen = await _open(app, pilot)
        await until(pilot, lambda: screen.findings)
        await until(pilot, lambda: text_of(screen, BandLine).startswith(" INCONCLUSIVE "))
        await pilot.press("v")
        table = screen.query_one(CapabilityPane).query_one(Static)
        await until(pilot, lambda: "No capability was measured in this run." in str(table.visual))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, PickReportScreen))


async def test_a_report_that_cannot_be_read_gives_the_reason(runs: Runs) -> None:
    run = _finished(runs)
    run.report.write_text('{"prompts": [')
    async with workbench(runs) as (app, pilot):
        screen = await _open(app, pilot)
        await until(pilot, lambda: "not a valid report" in _reason(screen))


@pytest.mark.slow
async def test_list_and_live_view_lead_to_the_report(runs: Runs) -> None:
    run = _finished(runs)
    async with workbench(runs, run=run) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, LiveScreen) and app.screen.view.report)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen) and app.screen.findings)
        assert app.current_mode == "report"
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await until(pilot, lambda: app.screen.query_one(RunTable).row_count == 1)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
