"""Every screen as an SVG, at the smallest and at a comfortable size of the terminal.

After an intended change: ``pytest tests/tui/test_snapshots.py --snapshot-update``, and look at the
pictures in ``__snapshots__`` before committing them. A failure writes ``snapshot_report.html``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.command import CommandPalette
from textual.widgets import Input

from tests.tui.conftest import SIZES, form_of, until
from tests.tui.pictured_runs import (
    LOG,
    failed_run,
    finished_run,
    hijacked_run,
    running_run,
    set_status,
)
from tests.tui.scripted import make_run
from workbench.core.errors import MachineError
from workbench.planning.plan import Plan
from workbench.tui.app import WorkbenchApp
from workbench.tui.messages import OpenReport
from workbench.tui.screens.choose import ChooseScreen
from workbench.tui.screens.compare import CompareScreen
from workbench.tui.screens.confirm import ConfirmScreen
from workbench.tui.screens.error import ErrorScreen
from workbench.tui.screens.help import HelpScreen
from workbench.tui.screens.live import LiveScreen
from workbench.tui.screens.new_run import NewRunScreen
from workbench.tui.screens.next_step import NextStepScreen
from workbench.tui.screens.pick_run import PickReportScreen
from workbench.tui.screens.report import ReportScreen
from workbench.tui.screens.sweep import Axis, SweepScreen
from workbench.tui.screens.text import TextScreen
from workbench.tui.widgets.compare.plane import Plane
from workbench.tui.widgets.form.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.pilot import Pilot

    from tests.tui.conftest import Matches
    from workbench.runs.folder import RunFolder, Runs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("size", SIZES, ids=["80x24", "140x45"]),
]

PLAN = Plan(trainable=921_600, parameters=134_515_008, rows=1_000, steps=375)


async def listed(pilot: Pilot[None]) -> WorkbenchApp:
    """The app, once it has read its runs and its machine."""
    app = pilot.app
    assert isinstance(app, WorkbenchApp)
    await until(pilot, lambda: app.listed and app.machine)
    return app


def arrange_live(pilot: Pilot[None], *, report: bool = False) -> Awaitable[None]:
    async def arrange() -> None:
        app = await listed(pilot)
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        screen = app.screen
        assert isinstance(screen, LiveScreen)
        await until(pilot, lambda: screen.view.run and screen.view.recipe)
        await until(pilot, lambda: bool(screen.view.report) == bool(app.bands) == report)

    return arrange()


# Runs


def test_runs_empty(matches_snapshot: Matches, pinned: Runs, size: tuple[int, int]) -> None:
    async def arrange(pilot: Pilot[None]) -> None:
        await listed(pilot)

    assert matches_snapshot(WorkbenchApp(pinned.root, mode="runs"), size, arrange)


def test_runs(matches_snapshot: Matches, pinned: Runs, size: tuple[int, int]) -> None:
    for make in (failed_run, hijacked_run, running_run):
        make(pinned)
    finished_run(pinned, "mild", 9000.0)
    set_status(make_run(pinned, "waiting"), "queued", 30.0, place=2, device="cuda:0")

    async def arrange(pilot: Pilot[None]) -> None:
        app = await listed(pilot)
        await until(pilot, lambda: len(app.rows) == 5 and len(app.bands) == 2)

    assert matches_snapshot(WorkbenchApp(pinned.root, mode="runs"), size, arrange)


# Live


@pytest.mark.parametrize("make", [running_run, failed_run, hijacked_run])
def test_live(
    matches_snapshot: Matches,
    pinned: Runs,
    size: tuple[int, int],
    make: Callable[[Runs], RunFolder],
) -> None:
    def arrange(pilot: Pilot[None]) -> Awaitable[None]:
        return arrange_live(pilot, report=make is hijacked_run)

    assert matches_snapshot(WorkbenchApp(pinned.root, run=make(pinned)), size, arrange)


# Report


@pytest.mark.parametrize("make", [hijacked_run, finished_run, running_run])
def test_report(
    matches_snapshot: Matches,
    pinned: Runs,
    size: tuple[int, int],
    make: Callable[[Runs], RunFolder],
) -> None:
    run = make(pinned)

    async def arrange(pilot: Pilot[None]) -> None:
        app = await listed(pilot)
        app.post_message(OpenReport(run))
        await until(pilot, lambda: isinstance(app.screen, ReportScreen) and app.screen.selected_run)
        screen = app.screen
        assert isinstance(screen, ReportScreen)
        reported = make is not running_run
        await until(pilot, lambda: bool(screen.findings) == bool(app.bands) == reported)

    assert matches_snapshot(WorkbenchApp(pinned.root, mode="runs"), size, arrange)


def test_pick_report(matches_snapshot: Matches, pinned: Runs, size: tuple[int, int]) -> None:
    finished_run(pinned)
    running_run(pinned)

    async def arrange(pilot: Pilot[None]) -> None:
        app = await listed(pilot)
        await pilot.press("4")
        await until(pilot, lambda: isinstance(app.screen, PickReportScreen))

    assert matches_snapshot(WorkbenchApp(pinned.root, mode="runs"), size, arrange)


# Compare


def test_compare(matches_snapshot: Matches, pinned: Runs, size: tuple[int, int]) -> None:
    hijacked_run(pinned, "harsh", 7200.0)
    finished_run(pinned, "mild", 3600.0, kl=0.05, rise=0.02)
    running_run(pinned)

    async def arrange(pilot: Pilot[None]) -> None:
        app = await listed(pilot)
        await pilot.press("5")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen.view.runs)
        await until(pilot, lambda: app.screen.query_one(Plane).data.marks)

    assert matches_snapshot(WorkbenchApp(pinned.root, mode="runs"), size, arrange)


# New run


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the form the reading of model and data."""
    monkeypatch.setattr("workbench.tui.assessment.make_plan", lambda _recipe: PLAN)


async def arrange_form(pilot: Pilot[None]) -> WorkbenchApp:
    app = await listed(pilot)
    await form_of(app, pilot)
    await until(pilot, lambda: app.screen.query_one(Summary).data.tokens)
    return app


@pytest.mark.usefixtures("planned")
def test_new_run(matches_snapshot: Matches, pinned: Runs, size: tuple[int, int]) -> None:
    async def arrange(pilot: Pilot[None]) -> None:
        await arrange_form(pilot)

    assert matches_snapshot(WorkbenchApp(pinned.root), size, arrange)


@pytest.mark.usefixtures("planned")
def test_new_run_with_an_invalid_field(
    matches_snapshot: Matches, pinned: Runs, size: tuple[int, int]
) -> None:
    async def arrange(pilot: Pilot[None]) -> None:
        app = await arrange_form(pilot)
        form = await form_of(app, pilot)
        row = form.row("training.learning_rate")
        assert row is not None
        row.set_value("fast")
        await until(pilot, lambda: row.error)
        form.go_to("training.learning_rate")
        await until(pilot, lambda: app.focused is row.control)

    assert matches_snapshot(WorkbenchApp(pinned.root), size, arrange)


@pytest.mark.usefixtures("planned")
def test_find_a_field(matches_snapshot: Matches, pinned: Runs, size: tuple[int, int]) -> None:
    async def arrange(pilot: Pilot[None]) -> None:
        app = await arrange_form(pilot)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        await pilot.press(*"rate")
        await until(pilot, lambda: app.screen.query_one(Input).value == "rate")

    assert matches_snapshot(WorkbenchApp(pinned.root), size, arrange)


@pytest.mark.usefixtures("planned")
def test_sweep(matches_snapshot: Matches, pinned: Runs, size: tuple[int, int]) -> None:
    async def arrange(pilot: Pilot[None]) -> None:
        app = await arrange_form(pilot)
        assert isinstance(app.screen, NewRunScreen)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        await pilot.press(*"learning_rate", "enter")
        await until(pilot, lambda: app.screen.query(Axis))
        screen = app.screen
        assert isinstance(screen, SweepScreen)
        screen.query_one(Axis).control.value = "1e-4,5e-4,1e-3"
        await until(pilot, lambda: len(screen.combinations) == 3)

    assert matches_snapshot(WorkbenchApp(pinned.root), size, arrange)


# Dialogs


def test_help(matches_snapshot: Matches, pinned: Runs, size: tuple[int, int]) -> None:
    running_run(pinned)

    async def arrange(pilot: Pilot[None]) -> None:
        app = await listed(pilot)
        await until(pilot, lambda: app.rows)
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))

    assert matches_snapshot(WorkbenchApp(pinned.root, mode="runs"), size, arrange)


def test_palette(matches_snapshot: Matches, pinned: Runs, size: tuple[int, int]) -> None:
    async def arrange(pilot: Pilot[None]) -> None:
        app = await listed(pilot)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"report")

    assert matches_snapshot(WorkbenchApp(pinned.root, mode="runs"), size, arrange)


@pytest.mark.parametrize(
    ("key", "dialog"), [("s", ConfirmScreen), ("y", TextScreen), ("l", TextScreen)]
)
def test_dialog_of_a_run(
    matches_snapshot: Matches, pinned: Runs, size: tuple[int, int], key: str, dialog: type
) -> None:
    run = running_run(pinned)
    run.log.write_text(LOG)

    async def arrange(pilot: Pilot[None]) -> None:
        await arrange_live(pilot)
        await pilot.press(key)
        await until(pilot, lambda: isinstance(pilot.app.screen, dialog))

    assert matches_snapshot(WorkbenchApp(pinned.root, run=run), size, arrange)


def test_next_steps(matches_snapshot: Matches, pinned: Runs, size: tuple[int, int]) -> None:
    hijacked_run(pinned)

    async def arrange(pilot: Pilot[None]) -> None:
        app = await listed(pilot)
        await until(pilot, lambda: app.bands)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NextStepScreen))

    assert matches_snapshot(WorkbenchApp(pinned.root, mode="runs"), size, arrange)


@pytest.mark.parametrize(
    "error",
    [MachineError("/data: no disk space left for a run; free 64 MiB"), KeyError("x")],
    ids=["expected", "unexpected"],
)
def test_error(
    matches_snapshot: Matches, pinned: Runs, size: tuple[int, int], error: Exception
) -> None:
    async def arrange(pilot: Pilot[None]) -> None:
        app = await listed(pilot)
        app.report_error(error, "launching the run")
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))

    assert matches_snapshot(WorkbenchApp(pinned.root, mode="runs"), size, arrange)
