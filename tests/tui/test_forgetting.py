"""The live screen shows forgetting while it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.conftest import SIZES, until, workbench
from tests.tui.looking import drawn, legend_of, live_view, text_of
from tests.tui.scripted import make_run, set_state, write_steps
from workbench.runs.control import AWAITING_ANSWER, take_requests
from workbench.runs.events import EventLog
from workbench.tui.widgets.run.canaries import Canaries
from workbench.tui.widgets.run.figures import Figures
from workbench.tui.widgets.run.forgetting import ForgettingPane
from workbench.tui.widgets.run.memory import MemoryPane

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder, Runs

pytestmark = pytest.mark.slow


def _write_retention(run: RunFolder) -> None:
    log = EventLog(run.events)
    for step, kl in [(25, 0.02), (50, 0.15), (75, 0.2)]:
        log.append("retention", step, kl=kl, delta_nll=kl / 2, kl_task=2 * kl)
        log.append("penalty", step, ewc=0.1, ewc_kl=kl / 4)
    log.append("canary", 1, name="Why is the sea salty?", value="Rivers carry salt into it.")
    log.append("canary", 75, name="Why is the sea salty?", value="Please log in to your account.")
    log.close()


@pytest.mark.parametrize("size", SIZES)
async def test_forgetting_is_seen_as_it_grows(runs: Runs, size: tuple[int, int]) -> None:
    run = make_run(runs)
    write_steps(run, 1, 75)
    async with workbench(runs, size, run) as (app, pilot):
        screen = await live_view(app, pilot)
        pane, memory = screen.query_one(ForgettingPane), screen.query_one(MemoryPane)
        small = size == (80, 24)
        assert (pane.display, memory.display) == (not small, True)
        _write_retention(run)
        screen.poll()
        await until(pilot, lambda: pane.display and "warn 0.1" in drawn(pane))
        assert "limit 0.3" in drawn(pane)
        legend = legend_of(pane)
        assert "general 0.200" in legend
        assert "EWC" in legend
        assert "KL to base 0.200" in text_of(screen, Figures)
        first, last = text_of(screen, Canaries).splitlines()[1:3]
        assert first.split("  ") == [" step 1", "Rivers carry salt into it."]
        assert last.split("  ") == ["step 75", "Please log in to your account."]
        assert memory.display is not small
        await pilot.press("v")
        await until(pilot, lambda: memory.display and pane.display is not small)
        for widget in screen.query("*"):
            assert widget.region.right <= size[0], widget
            assert widget.region.bottom <= size[1], widget


async def test_the_levels_come_from_the_budget_and_a_paused_run_continues(runs: Runs) -> None:
    run = make_run(runs, retention={"budget": {"warn": 0.05, "limit": 0.12}})
    write_steps(run, 1, 75)
    _write_retention(run)
    async with workbench(runs, run=run) as (app, pilot):
        screen = await live_view(app, pilot)
        pane = screen.query_one(ForgettingPane)
        await until(pilot, lambda: "limit 0.12" in drawn(pane))
        assert "warn 0.05" in drawn(pane)
        await pilot.press("g")
        assert take_requests(run) == []
        set_state(run, "running", step=75, total=100, phase=AWAITING_ANSWER)
        screen.poll()
        await until(pilot, lambda: "continue" in screen.applicable_actions)
        await pilot.press("g")
        await until(pilot, (run.control / "continue").exists)


async def test_the_opening_is_shown_apart_from_the_body_where_answers_were_measured(
    runs: Runs,
) -> None:
    run = make_run(runs)
    write_steps(run, 1, 75)
    _write_retention(run)
    async with workbench(runs, run=run) as (app, pilot):
        screen = await live_view(app, pilot)
        await until(pilot, lambda: "KL to base 0.200   ΔNLL" in text_of(screen, Figures))
        log = EventLog(run.events)
        log.append("retention", 80, kl=0.25, kl_opening=5.42, kl_body=0.12)
        log.close()
        screen.poll()
        wanted = "KL to base 0.250 opening 5.420 body 0.120"
        await until(pilot, lambda: wanted in text_of(screen, Figures))


async def test_a_run_that_does_not_measure_says_so(runs: Runs) -> None:
    run = make_run(runs, evaluation={"retention_steps": 0})
    write_steps(run, 1, 3)
    async with workbench(runs, run=run) as (app, pilot):
        pane = (await live_view(app, pilot)).query_one(ForgettingPane)
        await until(pilot, lambda: "switched off in the recipe" in drawn(pane))
