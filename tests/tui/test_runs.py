"""The list of runs: states as they are, and what can be done from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets import Static

from tests.tui.conftest import SIZES, until, workbench
from tests.tui.looking import footer_labels
from tests.tui.scripted import make_run, set_state, write_steps
from workbench.planning import resume_launch
from workbench.runs.checkpoints import choose, draft
from workbench.runs.events import EventLog
from workbench.tui.screens.live import LiveScreen
from workbench.tui.screens.pick_run import PickRunScreen
from workbench.tui.screens.runs import RunsScreen, RunTable
from workbench.tui.widgets.common.top_bar import TopBar

if TYPE_CHECKING:
    from workbench.runs.checkpoints import CheckpointChoice
    from workbench.runs.folder import RunFolder, Runs

pytestmark = pytest.mark.slow


def _table(screen: object) -> list[list[str]]:
    assert isinstance(screen, RunsScreen)
    table = screen.query_one(RunTable)
    return [[str(cell) for cell in table.get_row(key)] for key in table.rows]


@pytest.mark.parametrize("size", SIZES)
async def test_an_empty_list_says_what_to_do(runs: Runs, size: tuple[int, int]) -> None:
    async with workbench(runs, size) as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        empty = app.screen.query_one("#empty", Static)
        await until(pilot, lambda: empty.display)
        assert "Press 1" in str(empty.visual)
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, PickRunScreen))
        assert "Press 1 to launch one" in str(app.screen.query_one("#empty", Static).visual)


async def test_runs_are_listed_with_their_states(runs: Runs) -> None:
    working = make_run(runs, "working", strategy={"kind": "full"})
    write_steps(working, 1, 25)
    broken = make_run(runs, "broken")
    set_state(broken, "failed", reason="no disk space")
    async with workbench(runs) as (app, pilot):
        await until(pilot, lambda: len(_table(app.screen)) == 2)
        rows = {row[1]: row for row in _table(app.screen)}
        assert rows["working"][0] == "● running"
        assert rows["working"][2:5] == ["", "full", "demo"]
        assert rows["working"][6:8] == ["25 / 100", "2.5"]
        assert rows["broken"][0] == "✗ failed"
        assert "●1" in app.screen.query_one(TopBar).render().plain
        write_steps(working, 26, 50)
        app.refresh_rows()
        await until(pilot, lambda: any("50 / 100" in row for row in _table(app.screen)))


async def test_a_run_that_waits_shows_its_place(runs: Runs) -> None:
    run = make_run(runs)
    set_state(run, "queued", queue_position=2, device="cuda:0")
    async with workbench(runs) as (app, pilot):
        await until(pilot, lambda: len(_table(app.screen)) == 1)
        assert _table(app.screen)[0][0] == "◌ queued, 2nd"
        assert "queued, 2nd for cuda:0" in str(app.screen.query_one("#reason", Static).visual)


async def test_enter_opens_the_selected_run_and_escape_comes_back(runs: Runs) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    async with workbench(runs, (80, 24)) as (app, pilot):
        await until(pilot, lambda: len(_table(app.screen)) == 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert isinstance(app.screen, LiveScreen)
        assert app.screen.run_folder == run
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))


async def test_keys_that_do_not_apply_are_greyed(runs: Runs) -> None:
    run = make_run(runs)
    set_state(run, "failed")
    async with workbench(runs) as (app, pilot):
        await until(pilot, lambda: len(_table(app.screen)) == 1)
        bindings = {b.binding.id: b.enabled for b in app.screen.active_bindings.values()}
        assert bindings["stop"] is False
        assert bindings["chat"] is False
        assert bindings["log"] is True


async def test_a_run_that_ended_early_is_resumed_by_a_key(
    runs: Runs, toasts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(runs)
    set_state(run, "lost")
    resumed: list[RunFolder] = []

    def resume(run: RunFolder) -> CheckpointChoice:
        resumed.append(run)
        return choose(run)

    monkeypatch.setattr(resume_launch, "resume", resume)
    async with workbench(runs) as (app, pilot):
        await until(pilot, lambda: len(_table(app.screen)) == 1)
        await pilot.press("u")
        await pilot.pause()
        with draft(run, 40) as folder:
            (folder / "weights").touch()
        app.refresh_rows()
        reason = app.screen.query_one("#reason", Static)
        await until(pilot, lambda: "u resumes from step 40" in str(reason.visual))
        await pilot.press("u")
        await until(pilot, lambda: resumed == [run])
        await until(pilot, lambda: f"{run.id} resumes from step 40." in toasts)
        set_state(run, "finished")
        app.refresh_rows()
        await until(pilot, lambda: _table(app.screen)[0][0].endswith("finished"))
        await pilot.press("u")
        await pilot.pause()
    assert resumed == [run]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("key", "request_name"), [("k", "checkpoint"), ("e", "evaluate")])
async def test_the_selected_run_gets_the_request_and_its_answer_is_shown_on_any_screen(
    runs: Runs, toasts: list[str], size: tuple[int, int], key: str, request_name: str
) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    async with workbench(runs, size) as (app, pilot):
        await until(pilot, lambda: len(_table(app.screen)) == 1)
        await pilot.press(key)
        request = run.control / request_name
        await until(pilot, request.exists)
        assert toasts == [f"Asked {run.id} to {request_name} after the current step."]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        log = EventLog(run.events)
        if key == "k":
            log.append("checkpoint", 4, path="checkpoints/step-4")
        else:
            log.append("notice", 4, level="info", text="measured on request: x", answers="evaluate")
        answers = {"k": "wrote checkpoints/step-4", "e": "measured on request: x"}
        await until(pilot, lambda: f"{run.id}: {answers[key]}." in toasts)


async def test_a_run_that_ends_before_its_answer_gives_a_warning(
    runs: Runs, toasts: list[str]
) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    async with workbench(runs) as (app, pilot):
        await until(pilot, lambda: len(_table(app.screen)) == 1)
        await pilot.press("k")
        await until(pilot, (run.control / "checkpoint").exists)
        set_state(run, "failed", reason="out of luck")
        wanted = f"{run.id} failed before handling the request: out of luck"
        await until(pilot, lambda: wanted in toasts)


async def test_the_footer_follows_the_state_of_the_selected_run(runs: Runs) -> None:
    run = make_run(runs)
    set_state(run, "stopped")
    with draft(run, 4) as folder:
        (folder / "weights").touch()
    async with workbench(runs, (80, 24)) as (app, pilot):
        await until(pilot, lambda: len(_table(app.screen)) == 1)

        def shown() -> set[str]:
            labels = {label for label, _right in footer_labels(app.screen)}
            return labels & {"Stop", "Checkpoint", "Evaluate", "Resume"}

        await until(pilot, lambda: shown() == {"Resume"})
        set_state(run, "running", step=4, total=9)
        app.refresh_rows()
        await until(pilot, lambda: shown() == {"Stop", "Checkpoint", "Evaluate"})
