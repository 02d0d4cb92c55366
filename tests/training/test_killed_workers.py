"""A worker that is killed at any moment loses nothing, and its status is true."""

from __future__ import annotations

import os
import random
import signal
from typing import TYPE_CHECKING

import pytest
import torch

from tests.training.forked_workers import Fault
from tests.training.live_runs import (
    assert_same_run,
    assert_same_weights,
    stop_at,
    weights_of,
)
from tests.training.reference_run import (
    PLAIN,
    RECIPE,
    assert_files_are_whole,
    assert_resumes,
    ended,
)
from workbench.core.errors import NotFoundError
from workbench.evaluation.report import read_report
from workbench.evaluation.run.reevaluate import reevaluate
from workbench.planning.resume_launch import resume
from workbench.runs.checkpoints import choose, steps
from workbench.runs.folder import Runs
from workbench.runs.launch import launch, relaunch
from workbench.training.worker import train_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.training.forked_workers import ForkedWorkers
    from tests.training.reference_run import ReferenceRun
    from workbench.runs.folder import RunFolder

    NewRun = Callable[..., RunFolder]

pytestmark = pytest.mark.slow

TENSORS = "weights .model.new/adapter_model.safetensors"
KILLS = 3
"""At each place."""

PLACES: dict[str, Callable[[ReferenceRun], list[Fault]]] = {
    "before the first step": lambda run: run.faults("", "before", until="write train"),
    "between two steps": lambda run: run.faults("write (train|memory|eval)", "after"),
    "while a draft is begun": lambda run: run.faults(r"mkdir checkpoints/\.step", "after"),
    "halfway through a checkpoint's tensors": lambda run: run.faults("weights checkpoints", "half"),
    "while a checkpoint is synced": lambda run: run.faults(r"fsync checkpoints/\.step", "after"),
    "before a checkpoint gets its name": lambda run: run.faults(
        r"rename checkpoints/\.step", "before"
    ),
    "after a checkpoint got its name": lambda run: run.faults(
        r"rename checkpoints/\.step", "after"
    ),
    "while an old checkpoint is removed": lambda run: [
        *run.faults("rename checkpoints/step", "before", "after"),
        *run.faults("remove", "before"),
    ],
    "while the status is replaced": lambda run: run.faults(r"replace \.status", "before", "after"),
    "halfway through an event": lambda run: run.faults("write", "half"),
    "while the result is saved": lambda run: [
        *run.faults(r"(mkdir|fsync|rename) \.model", "before", "after"),
        *run.faults(r"weights \.model", "half"),
    ],
    "while the report is written": lambda run: run.faults(r"\.report", "before", "after"),
}


@pytest.mark.parametrize("nth", range(KILLS))
@pytest.mark.parametrize("place", PLACES)
def test_a_worker_killed_at_any_moment_loses_nothing(
    workers: ForkedWorkers, reference: ReferenceRun, new_run: NewRun, place: str, nth: int
) -> None:
    faults = PLACES[place](reference)
    fault = random.Random(place).sample(faults, KILLS)[nth]  # noqa: S311 - no secret
    run = new_run(*RECIPE)
    workers.fault = fault
    pid = launch(run)
    assert workers.wait(pid) == -signal.SIGKILL, run.log.read_text()
    assert_files_are_whole(run)
    status = run.status()
    if status.state == "finished":
        assert fault.index >= len(reference.trace) - 1
        assert_same_run(run, reference.run)
        return
    assert status.state == "lost"
    if run.has_result():
        assert_same_weights(run, reference.run)
    if status.lost_while_queued:
        assert "'ftwb queue'" in status.reason
        assert relaunch(Runs(run.path.parent)) == [run]
        assert ended(workers, run) == 0
        assert_same_run(run, reference.run)
        return
    assert f"the worker (pid {pid}) ended without giving a reason" in status.reason
    measuring = status.phase == "measuring the result"
    assert ("its result is saved: 'ftwb evaluate" in status.reason) == measuring
    assert measuring or place != "while the report is written"
    if not (saved := reference.saved(fault)):
        with pytest.raises(NotFoundError, match=r"no checkpoint to resume from: 'ftwb train"):
            resume(run)
        return
    assert choose(run).step == saved[-1]
    assert_resumes(workers, run, reference.run)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.6, 0.75, 0.9])
def test_a_worker_killed_from_outside_loses_nothing(
    workers: ForkedWorkers, reference: ReferenceRun, new_run: NewRun, share: float
) -> None:
    run = new_run(*RECIPE)
    pid = launch(run)
    end = share * reference.run.events.stat().st_size
    while run.events.stat().st_size < end:
        os.sched_yield()
    os.kill(pid, signal.SIGKILL)
    workers.wait(pid)
    assert_files_are_whole(run)
    assert run.status().state in ("lost", "finished")
    if steps(run) and run.status().resumable:
        assert_resumes(workers, run, reference.run)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_a_worker_that_gets_sigterm_saves_first(
    workers: ForkedWorkers, reference: ReferenceRun, new_run: NewRun, share: float
) -> None:
    run = new_run(*RECIPE)
    pid = launch(run)
    end = share * reference.run.events.stat().st_size
    while run.events.stat().st_size < end:
        os.sched_yield()
    os.kill(pid, signal.SIGHUP)
    os.kill(pid, signal.SIGTERM)
    assert workers.wait(pid) == 0
    status = run.status()
    assert status.state in ("stopped", "finished")
    assert run.has_result() == (status.step > 0)
    if status.state == "stopped" and steps(run):
        assert status.reason.startswith("stopped on request")
        assert choose(run).step == status.step
        assert_resumes(workers, run, reference.run)


def test_a_result_that_was_not_measured_is_mentioned(
    workers: ForkedWorkers, new_run: NewRun
) -> None:
    run = new_run(*PLAIN)
    workers.fault = Fault(None, "replace .report.json", "before")
    pid = launch(run)
    assert workers.wait(pid) == -signal.SIGKILL
    assert run.status().reason.endswith(
        f"; its result is saved: 'ftwb evaluate {run.id}' measures it"
    )
    with pytest.raises(NotFoundError, match=r"no checkpoint .* its result is saved: 'ftwb eval"):
        resume(run)
    reevaluate(run, lambda *_: None)
    assert read_report(run).after.heldout_nll is not None


@pytest.mark.parametrize("moment", ["rename model", "rename .model.new", TENSORS])
def test_the_result_of_a_stop_is_never_half_replaced(
    workers: ForkedWorkers,
    reference: ReferenceRun,
    new_run: NewRun,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    run = new_run(*RECIPE)
    with monkeypatch.context() as patch:
        stop_at(3, run, patch)
        assert train_run(run) == 0
    before = weights_of(run)
    workers.fault = Fault(None, moment, "half" if moment == TENSORS else "after")
    resume(run)
    assert ended(workers, run) == -signal.SIGKILL
    assert run.status().state == "lost"
    results = {TENSORS: before, "rename .model.new": weights_of(reference.run)}
    assert run.has_result() == (moment in results)
    if expected := results.get(moment):
        assert all(torch.equal(value, expected[name]) for name, value in weights_of(run).items())
    assert_resumes(workers, run, reference.run)
    assert not list(run.path.glob(".model*"))
