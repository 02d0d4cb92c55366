"""The comparison: which runs, which plane, and what is hidden on a small terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets import Static

from tests.evaluation.reports import Suite, make_report
from tests.tui.conftest import SIZES, until, workbench
from tests.tui.looking import drawn, legend_of
from tests.tui.scripted import make_run, set_state, write_steps
from workbench.runs.sweeps import add_run
from workbench.tui.screens.compare import CompareScreen
from workbench.tui.screens.report import ReportScreen
from workbench.tui.widgets.common.chart import Chart
from workbench.tui.widgets.compare.comparison_table import ComparisonTable
from workbench.tui.widgets.compare.plane import Plane

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from workbench.runs.folder import Runs
    from workbench.tui.app import WorkbenchApp

pytestmark = pytest.mark.slow


def _runs_of(runs: Runs) -> None:
    for name, lost, kl, rate in [("harsh", 30, 0.8, 1e-3), ("mild", 2, 0.02, 1e-4)]:
        run = make_run(runs, name, training={"learning_rate": rate})
        write_steps(run, 1, 20)
        set_state(run, "finished", step=20, total=20)
        suite = Suite("knowledge", kept=40 - lost, lost=lost, never=10)
        make_report(suite, kl=kl, rise=kl).save(run.report)
    write_steps(make_run(runs, "unmeasured"), 1, 3)


async def _compare(app: WorkbenchApp, pilot: Pilot[None]) -> CompareScreen:
    await pilot.press("5")
    await until(pilot, lambda: isinstance(app.screen, CompareScreen))
    assert isinstance(app.screen, CompareScreen)
    return app.screen


def _lines(screen: CompareScreen) -> list[list[str]]:
    table = screen.query_one(ComparisonTable)
    return [[str(cell).strip() for cell in table.get_row(key)] for key in table.rows]


@pytest.mark.parametrize("size", SIZES)
async def test_runs_are_on_the_plane_with_their_pareto_front(
    runs: Runs, size: tuple[int, int]
) -> None:
    _runs_of(runs)
    async with workbench(runs, size) as (app, pilot):
        screen = await _compare(app, pilot)
        await until(pilot, lambda: screen.view.comparison)
        learned = ("✓ 2 % → 90 %", "not measured")
        by_hand = "compare the answers yourself"
        replay = "train again with 20 % of general text mixed in"
        assert _lines(screen) == [
            ["·", "unmeasured", *[""] * 7],
            ["A ◆", "mild", "KEPT", *learned, "✓ 0.020", "0.95", "+0.020", by_hand],
            ["B", "harsh", "DAMAGED", *learned, "✗ 0.800", "0.25", "+0.800", replay],
        ]
        plane, losses = screen.query_one(Plane), screen.query_one("#losses", Chart)
        await until(pilot, lambda: "A mild" in drawn(plane) or "mild A" in drawn(plane))
        assert "B harsh" in drawn(plane)
        assert "base" in drawn(plane)
        assert str(plane.border_title) == "target score ↑ against retention index →"
        small = size == (80, 24)
        assert losses.display is not small
        await pilot.press("v")
        fields = screen.query_one("#differences").query_one(Static)
        wanted = ["training.learning_rate", "1e-4", "1e-3"]
        await until(pilot, lambda: wanted == str(fields.visual).splitlines()[1].split())
        await pilot.press("v")
        await until(pilot, lambda: losses.has_focus)
        assert plane.display is not small
        assert "step 20" in drawn(losses)
        for widget in screen.query("*"):
            assert widget.region.right <= size[0], widget


async def test_keys_change_axis_prior_and_runs(runs: Runs) -> None:
    _runs_of(runs)
    async with workbench(runs) as (app, pilot):
        screen = await _compare(app, pilot)
        await until(pilot, lambda: screen.view.comparison)
        plane = screen.query_one(Plane)
        await pilot.press("x")
        await until(pilot, lambda: "KL to base" in str(plane.border_title))
        await pilot.press("p")
        await until(pilot, lambda: "prefix tuning" in drawn(plane))
        assert "ΔNLL" in str(plane.border_title)
        assert "another model and another task" in str(screen.query_one("#notes", Static).visual)
        await pilot.press("p")
        await until(pilot, lambda: "prefix tuning" not in drawn(plane))
        await pilot.press("down", "space")
        await until(pilot, lambda: screen.view.comparison and len(screen.view.comparison.runs) == 1)
        assert [line[0] for line in _lines(screen)] == ["·", "·", "A ◆"]
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))


async def test_without_a_report_it_says_what_to_do(runs: Runs) -> None:
    write_steps(make_run(runs, "unmeasured"), 1, 3)
    async with workbench(runs, (80, 24)) as (app, pilot):
        screen = await _compare(app, pilot)
        plane = screen.query_one(Plane)
        await until(pilot, lambda: "add runs with a report" in drawn(plane))
        assert not screen.query_one("#notes").display


@pytest.mark.parametrize("size", SIZES)
async def test_a_live_run_is_followed_beside_the_others(runs: Runs, size: tuple[int, int]) -> None:
    _runs_of(runs)
    run = runs.find("unmeasured")
    async with workbench(runs, size) as (app, pilot):
        screen = await _compare(app, pilot)
        await until(pilot, lambda: screen.view.comparison)
        await pilot.press("space")
        await until(pilot, lambda: _lines(screen)[0][0] == "C")
        assert _lines(screen)[0] == ["C", "unmeasured", "running", *["-"] * 5, ""]
        losses = screen.query_one("#losses", Chart)
        await pilot.press("v", "v")
        await until(pilot, lambda: "C 2.94" in legend_of(losses))
        write_steps(run, 4, 60)
        app.refresh_rows()
        await until(pilot, lambda: "C 1.8" in legend_of(losses) and "step 60" in drawn(losses))
        set_state(run, "finished", step=60, total=60)
        make_report(Suite("knowledge", kept=40, never=10), kl=0.01, rise=0.01).save(run.report)
        app.refresh_rows()
        await until(pilot, lambda: _lines(screen)[0][5] == "✓ 0.010")
        letters = [line[0].split()[0] for line in _lines(screen)]
        assert sorted(letters) == ["A", "B", "C"]
        for widget in screen.query("*"):
            assert widget.region.right <= size[0], widget


async def test_a_report_that_changed_is_read_again(runs: Runs) -> None:
    _runs_of(runs)
    run = runs.find("harsh")
    async with workbench(runs) as (app, pilot):
        screen = await _compare(app, pilot)
        await until(pilot, lambda: screen.view.comparison)
        make_report(Suite("knowledge", kept=40, never=10), kl=0.123, rise=0.8).save(run.report)
        app.refresh_rows()
        await until(pilot, lambda: any(line[5] == "! 0.123" for line in _lines(screen)))


async def test_a_live_sweep_is_compared_by_its_losses(runs: Runs) -> None:
    for rank in (8, 16):
        run = make_run(runs, f"rank-{rank}")
        write_steps(run, 1, rank)
        add_run(run, "sweep-1")
    write_steps(make_run(runs, "alone"), 1, 3)
    async with workbench(runs, (80, 24)) as (app, pilot):
        screen = await _compare(app, pilot)
        await until(pilot, lambda: len(_lines(screen)) == 3)
        names = [line[1] for line in _lines(screen)]
        await pilot.press(*["down"] * names.index("rank-8"), "w")
        plane = screen.query_one(Plane)
        await until(pilot, lambda: "once they have a report" in drawn(plane))
        letters = {line[1]: line[0] for line in _lines(screen)}
        assert (letters["rank-8"], letters["rank-16"], letters["alone"]) == ("A", "B", "·")
