"""Two workbenches on the same runs show the same, and each sees the requests of the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.tui.conftest import until, workbench
from tests.tui.looking import live_view, text_of
from tests.tui.scripted import make_run, set_state, write_steps
from workbench.runs.control import take_requests
from workbench.runs.events import EventLog
from workbench.tui.screens.confirm import ConfirmScreen
from workbench.tui.widgets.run.run_title import RunTitle

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from workbench.runs.folder import RunFolder, Runs
    from workbench.runs.view import RunView
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.screens.live import LiveScreen

pytestmark = pytest.mark.slow


async def _stop(app: WorkbenchApp, pilot: Pilot[None]) -> None:
    """Request a stop by its key."""
    await pilot.press("s")
    await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
    await pilot.press("y")
    await until(pilot, lambda: not isinstance(app.screen, ConfirmScreen))


async def _seen(pilot: Pilot[None], screen: LiveScreen, words: str) -> RunView:
    """The view that is shown once the title contains ``words``."""
    screen.poll()
    await until(pilot, lambda: words in text_of(screen, RunTitle))
    assert screen.view.run
    return screen.view.run


async def _second(runs: Runs, run: RunFolder) -> RunView:
    """The other workbench: shows the run, requests a stop too, and shows the worker's answer."""
    async with workbench(runs, (80, 24), run) as (app, pilot):
        screen = await live_view(app, pilot)
        await _seen(pilot, screen, "step 10 / 100")
        await _stop(app, pilot)
        assert take_requests(run) == ["stop"]
        EventLog(run.events).append("notice", 11, level="info", text="a word for both")
        set_state(run, "stopping", reason="asked to stop", step=11, total=100)
        return await _seen(pilot, screen, "stopping")


async def test_two_workbenches_on_one_run_agree(runs: Runs) -> None:
    run = make_run(runs)
    write_steps(run, 1, 10)
    async with workbench(runs, run=run) as (app, pilot):
        screen = await live_view(app, pilot)
        await _seen(pilot, screen, "step 10 / 100")
        await _stop(app, pilot)
        assert (run.control / "stop").exists()
        theirs = await asyncio.to_thread(asyncio.run, _second(runs, run))
        ours = await _seen(pilot, screen, "stopping")
        assert "step 11 / 100" in text_of(screen, RunTitle)
    assert ours.notices[-1]["text"] == "a word for both"
    assert ours == theirs
