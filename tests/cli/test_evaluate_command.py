"""Measure, continue and follow a run from the command line."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from workbench.recipe.recipe import Recipe
from workbench.runs import control
from workbench.runs.events import EventLog
from workbench.runs.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended
    from workbench.runs.folder import RunFolder, Runs
    from workbench.runs.view import RunView

    Ftwb = Callable[..., Ended]


def test_evaluate_rewrites_the_report(
    ftwb: Ftwb,
    trained: Callable[..., tuple[RunFolder, RunView]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, _ = trained("training.max_steps=1")
    capsys.readouterr()  # what a worker says goes to its log
    first = run.report.read_text()
    run.report.unlink()
    for path in run.base.iterdir():
        path.unlink()
    ended = ftwb("evaluate", "last", "--size", "none", "--json")
    assert ended.code == 0
    assert "measured after training" in ended.err
    assert str(run.report) in ended.err
    again = json.loads(ended.out)
    assert again["before"] == json.loads(first)["before"]
    assert json.loads(run.report.read_text()) == again


def test_evaluate_refuses_a_run_without_a_result(ftwb: Ftwb, runs: Runs) -> None:
    run = runs.create(Recipe())
    Status(state="failed").save(run.status_file)
    ended = ftwb("evaluate", run.id)
    assert ended.code == 2
    assert "is failed and has no result to measure" in ended.err


@pytest.mark.parametrize(("phase", "code"), [(control.AWAITING_ANSWER, 0), ("training", 2)])
def test_continue_answers_only_a_paused_run(ftwb: Ftwb, runs: Runs, phase: str, code: int) -> None:
    run = runs.create(Recipe())
    Status.of_this_process(state="running", phase=phase).save(run.status_file)
    ended = ftwb("continue", "last", "--json")
    assert ended.code == code
    assert bool(ended.out) == (code == 0)
    assert (run.control / "continue").exists() == (code == 0)


def test_following_prints_every_warning_once(ftwb: Ftwb, runs: Runs) -> None:
    run = runs.create(Recipe())
    log = EventLog(run.events)
    paused = f"paused: over its KL budget; continue with 'ftwb continue {run.id}'"
    log.append("notice", 3, level="warning", text=paused)
    log.append("notice", 4, level="info", text="nothing to worry about")
    Status(state="finished").save(run.status_file)
    ended = ftwb("follow", run.id)
    assert ended.err.count(paused) == 1
    assert "nothing to worry about" not in ended.err


def test_following_prints_every_warning_when_the_clock_goes_back(
    ftwb: Ftwb, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.create(Recipe())
    log = EventLog(run.events)
    hours = iter(range(9, 0, -1))

    def sleep(_seconds: float) -> None:
        now = next(hours)
        monkeypatch.setattr(time, "time", lambda: 3600.0 * now)
        log.append("notice", 10 - now, level="warning", text=f"warning {now}")
        if now == 1:
            Status(state="finished").save(run.status_file)

    Status.of_this_process(state="running").save(run.status_file)
    monkeypatch.setattr(time, "sleep", sleep)
    ended = ftwb("follow", run.id)
    assert [ended.err.count(f"warning {number}") for number in range(1, 10)] == [1] * 9
