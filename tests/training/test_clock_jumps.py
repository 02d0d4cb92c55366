"""A clock that jumps back an hour or forward a day: states stay true, no rate is negative."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from workbench.core.formatting import age
from workbench.recipe.recipe import Recipe
from workbench.runs.events import EventReader
from workbench.runs.status import Status
from workbench.runs.view import RunFollower
from workbench.training.reporting import reporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.folder import RunFolder, Runs
    from workbench.runs.view import RunView

HOUR, DAY = 3600.0, 86400.0
JUMPS = pytest.mark.parametrize("jump", [-HOUR, DAY], ids=["back", "forward"])


@pytest.fixture
def move(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Move this process's clock forward, or back."""
    now = time.time

    def move(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: now() + seconds)

    return move


@JUMPS
def test_the_state_of_a_worker_of_this_host_ignores_the_clock(
    runs: Runs, move: Callable[[float], None], jump: float
) -> None:
    run = runs.create(Recipe())
    worker = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    Status.of_process(worker.pid, state="running").save(run.status_file)
    move(jump)
    assert run.status().state == "running"
    worker.kill()
    worker.wait()
    assert run.status().state == "lost"


def test_a_run_that_no_worker_ever_took_is_lost_whatever_the_clock_says(
    runs: Runs, move: Callable[[float], None]
) -> None:
    run = runs.create(Recipe())
    assert run.status().state == "queued"
    move(-HOUR)
    assert run.status().state == "lost"


def test_a_silent_worker_on_another_host_may_be_a_wrong_clock(
    runs: Runs, move: Callable[[float], None]
) -> None:
    run = runs.create(Recipe())
    Status.of_this_process(state="running", host="elsewhere").save(run.status_file)
    move(DAY)
    assert run.status().state == "lost"
    assert run.status().reason == (
        "no heartbeat from its worker on elsewhere for 60 s: "
        "it died, or the network or a clock is wrong"
    )


@JUMPS
def test_the_status_is_still_written_when_the_clock_jumps(
    runs: Runs, move: Callable[[float], None], monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    run = runs.create(Recipe())
    writer = reporter.Reporter(run)
    move(jump)
    passed = time.monotonic() + 2 * reporter._PROGRESS_SECONDS
    monkeypatch.setattr(reporter.time, "monotonic", lambda: passed)
    writer.step(7, 100)
    assert run.status().step == 7
    writer.set_state("finished")


@pytest.mark.slow
@pytest.mark.parametrize("jumps", [(-HOUR, 0.0, DAY), (0.0, -HOUR)], ids=["wild", "back"])
def test_a_run_under_a_jumping_clock_is_the_same_run(
    trained: Callable[..., tuple[RunFolder, RunView]],
    monkeypatch: pytest.MonkeyPatch,
    jumps: tuple[float, ...],
) -> None:
    _, calm = trained()
    now, jump = time.time, cycle(jumps)
    monkeypatch.setattr(time, "time", lambda: now() + next(jump))
    run, view = trained()
    times = [event["t"] for event in EventReader(run.events).read()]
    assert times != sorted(times)
    assert view.status.state == "finished", view.status.reason
    assert view.series["train.loss"] == calm.series["train.loss"]
    for name in ("train.seconds_left", "train.tokens_per_second"):
        points = view.series[name].points(100)
        assert [point.step for point in points] == list(range(1, 7))
        assert min(point.low for point in points) >= 0
    assert view.value("train", "seconds_left") == 0
    assert RunFollower(run).poll() == view


def test_what_was_made_in_the_future_was_made_now() -> None:
    assert age(-HOUR) == age(0) == "now"
