"""A run that waits for disk space is shown as paused on every screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.scripted import make_run, set_state
from workbench.cli.summary import summary
from workbench.runs.events import EventLog
from workbench.runs.view import RunFollower
from workbench.tui.state_labels import state_text
from workbench.tui.widgets.run.run_title import progress_line, state_line

if TYPE_CHECKING:
    from workbench.runs.folder import Runs

WHY = "the disk of /data is full; waiting for space"


@pytest.mark.parametrize(("step", "total"), [(0, 0), (3, 10)])
def test_title_list_and_summary_show_paused_and_the_reason(
    runs: Runs, step: int, total: int
) -> None:
    run = make_run(runs)
    log = EventLog(run.events)
    log.append("phase", 0, name="measuring the base", done=1, total=9)
    log.append("train", 3, loss=1.0, seconds_left=10.0, tokens_per_second=100.0)
    set_state(run, "running", step=step, total=total, paused=WHY)
    view = RunFollower(run).poll()
    assert state_line(view, None).plain.startswith("‖ paused (detached, pid")
    second = progress_line(view, 120).plain
    assert WHY in second
    assert "left" not in second
    assert ("step 3 / 10" in second) == bool(step)
    colours = {"warning": "yellow", "success": "green"}
    shown = state_text(view.status, colours)
    assert (shown.plain, shown.style) == ("‖ paused", "yellow")
    facts = summary(run)
    assert (facts["state"], facts["standing"], facts["reason"]) == ("running", "paused", WHY)
