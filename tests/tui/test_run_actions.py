"""One table of run actions feeds keys, footer, palette, help and handlers of three screens."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.tui.conftest import SIZES, until, workbench
from tests.tui.looking import screen_lines
from tests.tui.scripted import make_run, set_state, write_steps
from workbench.runs.control import AWAITING_ANSWER
from workbench.runs.run_index import RunSnapshot
from workbench.tui import run_actions, screens
from workbench.tui.commands import commands_of
from workbench.tui.messages import OpenReport, OpenRun
from workbench.tui.run_actions import RUN_ACTIONS

if TYPE_CHECKING:
    from textual.message import Message
    from textual.pilot import Pilot

    from workbench.runs.folder import RunFolder, Runs
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.screens.run_screen import RunScreen

ALWAYS = {"report", "live", "log", "recipe"}


def applicable(snapshot: RunSnapshot) -> set[str]:
    return {action.id for action in RUN_ACTIONS if action.applies(snapshot)}


@pytest.mark.parametrize(
    ("state", "more"),
    [
        ({"state": "queued", "queue_position": 1}, {"stop", "checkpoint", "evaluate"}),
        ({"state": "running", "step": 3, "total": 9}, {"stop", "checkpoint", "evaluate"}),
        ({"state": "running", "step": 9, "total": 9}, {"stop"}),
        (
            {"state": "running", "step": 3, "total": 9, "phase": AWAITING_ANSWER},
            {"stop", "continue"},
        ),
        ({"state": "lost", "lost_while_queued": True}, {"stop"}),
        ({"state": "failed"}, set()),
        ({"state": "finished", "step": 9, "total": 9}, set()),
    ],
)
def test_what_applies_follows_from_the_snapshot_alone(
    runs: Runs, state: dict[str, Any], more: set[str]
) -> None:
    run = make_run(runs)
    set_state(run, **state)
    snapshot = RunSnapshot.read(run)
    assert applicable(snapshot) == ALWAYS | more
    assert applicable(replace(snapshot, has_report=True)) == ALWAYS | more | {"next"}
    assert applicable(replace(snapshot, has_result=True)) == ALWAYS | more | {"chat"}
    assert applicable(replace(snapshot, resumable_step=3)) == ALWAYS | more | {"resume"}


HANDLER = """
def archive(screen: RunScreen, run: RunFolder) -> None:
    (run.path / "archived").touch()


"""
ENTRY = """
    RunAction(
        id="archive",
        keys="a",
        label="Archive",
        help="Move the run to the archive.",
        applies=lambda snapshot: snapshot.status.state == "finished",
        handle=archive,
    ),
"""


@pytest.fixture
def _one_more_action(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Load the workbench with one more entry in the table and its handler, and nothing else."""
    name, table = run_actions.__name__, "RUN_ACTIONS: tuple[RunAction, ...] = ("
    source = Path(run_actions.__file__).read_text(encoding="utf-8")
    assert source.count(table) == 1
    changed = tmp_path / "run_actions.py"
    changed.write_text(source.replace(table, f"{HANDLER}{table}{ENTRY}"))
    spec = importlib.util.spec_from_file_location(name, changed)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    for screen in ("run_screen", "runs", "live", "report"):
        screen_module = importlib.import_module(f"{screens.__name__}.{screen}")
        monkeypatch.setattr(screens, screen, screen_module)  # restored after the test
        monkeypatch.delitem(sys.modules, screen_module.__name__)


async def _open(app: WorkbenchApp, pilot: Pilot[None], message: Message | None, name: str) -> None:
    if message:
        app.post_message(message)
    await until(
        pilot,
        lambda: type(app.screen).__name__ == name and cast("RunScreen", app.screen).selected_run,
    )


def _screens(run: RunFolder) -> dict[str, Message | None]:
    """How to come to each screen that shows a run."""
    return {"RunsScreen": None, "LiveScreen": OpenRun(run), "ReportScreen": OpenReport(run)}


@pytest.mark.usefixtures("_one_more_action")
async def test_one_more_entry_is_a_key_on_every_screen_that_shows_runs(runs: Runs) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    set_state(run, "finished", step=3, total=3)
    mark = run.path / "archived"
    async with workbench(runs) as (app, pilot):
        for name, message in _screens(run).items():
            await _open(app, pilot, message, name)
            await until(pilot, lambda: "a Archive" in screen_lines(app)[-1])
            (entry,) = (one for one in commands_of(app.screen) if one.label == "Archive")
            assert (entry.enabled, entry.help) == (True, "Move the run to the archive.")
            await pilot.press("a")
            await until(pilot, mark.exists)
            mark.unlink()


@pytest.mark.usefixtures("_one_more_action")
async def test_one_more_entry_is_greyed_where_it_does_not_apply(runs: Runs) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    async with workbench(runs) as (app, pilot):
        for name, message in _screens(run).items():
            await _open(app, pilot, message, name)
            await until(pilot, lambda: "a Archive" in screen_lines(app)[-1])
            (entry,) = (one for one in commands_of(app.screen) if one.label == "Archive")
            assert not entry.enabled
            await pilot.press("a")
            await pilot.pause()
    assert not (run.path / "archived").exists()


@pytest.mark.parametrize("size", SIZES)
async def test_every_screen_offers_every_action_but_the_one_that_leads_there(
    runs: Runs, size: tuple[int, int]
) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    omitted = {"RunsScreen": "live", "LiveScreen": "live", "ReportScreen": "report"}
    async with workbench(runs, size) as (app, pilot):
        for name, message in _screens(run).items():
            await _open(app, pilot, message, name)
            ids = {active.binding.id for active in app.screen.active_bindings.values()}
            assert {action.id for action in RUN_ACTIONS} - ids == {omitted[name]}


def test_no_two_actions_share_a_key_or_an_id() -> None:
    keys = [key for action in RUN_ACTIONS for key in action.keys.split(",")]
    assert len(set(keys)) == len(keys)
    assert len({action.id for action in RUN_ACTIONS}) == len(RUN_ACTIONS)
