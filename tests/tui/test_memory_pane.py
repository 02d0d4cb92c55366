"""The memory pane shows the readings there are, and predicts when memory is full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets import Static

from tests.tui.conftest import SIZES, until, workbench
from tests.tui.looking import live_view
from tests.tui.scripted import GIB, make_run, set_state
from workbench.runs.events import EventLog
from workbench.runs.view import RunFollower
from workbench.tui.widgets.run.memory import DeviceMemory, device_facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.runs.folder import Runs
    from workbench.runs.view import RunView

HOST = {"process": GIB, "host_used": 3 * GIB, "host_total": 16 * GIB}


def view_of(
    runs: Runs, total: int, *readings: Mapping[str, float], state: str = "running"
) -> RunView:
    run = make_run(runs)
    log = EventLog(run.events)
    for step, reading in enumerate(readings):
        log.append("memory", step, **HOST, **reading)
    set_state(run, state, step=len(readings), total=total)
    return RunFollower(run).poll()


def test_all_readings_of_a_device_are_shown(runs: Runs) -> None:
    reading = {
        "cuda0_allocated": GIB,
        "cuda0_reserved": 2 * GIB,
        "cuda0_process": 3 * GIB,
        "cuda0_used": 5.5 * GIB,
        "cuda0_total": 139 * GIB,
        "cuda0_utilisation": 87,
        "cuda0_power": 412.5,
        "cuda0_temperature": 61,
    }
    assert device_facts(view_of(runs, 9, reading), 0).plain == (
        "87 % busy   412 W   61 °C   others 2.50 GiB"
    )


def test_missing_readings_are_left_out(runs: Runs) -> None:
    reading = {"cuda0_allocated": GIB, "cuda0_reserved": GIB, "cuda0_temperature": 40}
    assert device_facts(view_of(runs, 9, reading), 0).plain == "40 °C"
    assert device_facts(view_of(runs, 9, {"cuda0_allocated": GIB}), 0).plain == ""


def test_the_host_shows_its_disk(runs: Runs) -> None:
    view = view_of(runs, 9, {"disk_free": 80 * GIB, "disk_total": 200 * GIB})
    assert device_facts(view, None).plain == "disk 80.0 of 200.0 GiB free"


@pytest.mark.parametrize(
    ("total", "state", "text"),
    [
        (1000, "running", "at this rate full at step 160"),
        (159, "running", ""),
        (1000, "finished", ""),
    ],
)
def test_memory_that_grows_to_the_limit_is_predicted(
    runs: Runs, total: int, state: str, text: str
) -> None:
    climbing = [
        {"cuda0_used": (20 + step / 2) * GIB, "cuda0_total": 100 * GIB} for step in range(100)
    ]
    assert device_facts(view_of(runs, total, *climbing, state=state), 0).plain == text


def test_without_a_driver_the_prediction_uses_what_torch_reserved(runs: Runs) -> None:
    climbing = [
        {"cuda0_reserved": (20 + step / 2) * GIB, "cuda0_total": 100 * GIB} for step in range(100)
    ]
    assert "full at step 160" in device_facts(view_of(runs, 1000, *climbing), 0).plain


@pytest.mark.parametrize("size", SIZES)
async def test_chart_and_line_fit_on_the_screen(runs: Runs, size: tuple[int, int]) -> None:
    run = make_run(runs)
    log = EventLog(run.events)
    for step in range(40):
        reading = {"cuda0_used": (60 + step) * GIB, "cuda0_total": 139 * GIB, "cuda0_power": 700.0}
        log.append("memory", step, **HOST, **reading)
    set_state(run, "running", step=40, total=400)
    async with workbench(runs, size, run) as (app, pilot):
        screen = await live_view(app, pilot)
        await until(pilot, lambda: screen.query(DeviceMemory))
        line = screen.query_one(DeviceMemory).query_one(Static)
        await until(pilot, lambda: line.region.height == 1)
        assert str(line.visual).startswith("at this rate full at step 79")
        assert line.region.bottom <= size[1]
        assert line.region.right <= size[0]
