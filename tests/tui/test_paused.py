"""A run that waits for room on its disk is shown as that, wherever it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.scripted import make_run, set_state
from workbench.cli.summary import summary
from workbench.runs.events import EventLog
from workbench.runs.view import RunFollower
from workbench.tui.states import state_text
from workbench.tui.widgets.run.run_title import first_line, second_line

if TYPE_CHECKING:
    from workbench.runs.folder import Runs

WHY = "the disk of /data is full; it goes on when there is room"


@pytest.mark.parametrize(("step", "total"), [(0, 0), (3, 10)])
def test_title_list_and_summary_say_paused_and_why(runs: Runs, step: int, total: int) -> None:
    run = make_run(runs)
    log = EventLog(run.events)
    log.append("phase", 0, name="measuring the base", done=1, total=9)
    log.append("train", 3, loss=1.0, seconds_left=10.0, tokens_per_second=100.0)
    set_state(run, "running", step=step, total=total, paused=WHY)
    view = RunFollower(run).poll()
    assert first_line(view, "").plain.startswith("‖ paused (detached, pid")
    second = second_line(view, 120).plain
    assert WHY in second
    assert "left" not in second
    assert ("step 3 / 10" in second) == bool(step)
    colours = {"warning": "yellow", "success": "green"}
    shown = state_text(view.status, colours)
    assert (shown.plain, shown.style) == ("‖ paused", "yellow")
    told = summary(run)
    assert (told["state"], told["standing"], told["reason"]) == ("running", "paused", WHY)
