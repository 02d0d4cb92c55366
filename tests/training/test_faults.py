"""A worker that is killed at any moment loses nothing, and what is shown of it is true."""

from __future__ import annotations

import os
import random
import signal
from typing import TYPE_CHECKING

import pytest
import torch

from tests.training.nursery import Death
from tests.training.test_resume import assert_same, stop_at, weights_of
from tests.training.undisturbed import (
    PLAIN,
    RECIPE,
    assert_goes_on,
    assert_nothing_is_half,
    ended,
)
from workbench.core.errors import NotFoundError
from workbench.evaluation.report.report import read_report
from workbench.evaluation.run.reevaluate import remeasure
from workbench.planning.resume_launch import resume
from workbench.runs.checkpoints import choose, steps
from workbench.runs.folder import Runs
from workbench.runs.launch import launch, relaunch
from workbench.training.worker import work

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.training.nursery import Nursery
    from tests.training.undisturbed import Undisturbed
    from workbench.runs.folder import RunFolder

    NewRun = Callable[..., RunFolder]

TENSORS = "weights .model.new/adapter_model.safetensors"
DEATHS = 3
"""At each place."""

PLACES: dict[str, Callable[[Undisturbed], list[Death]]] = {
    "before the first step": lambda seen: seen.moments("", "before", until="write train"),
    "between two steps": lambda seen: seen.moments("write (train|memory|eval)", "after"),
    "while a draft is begun": lambda seen: seen.moments(r"mkdir checkpoints/\.step", "after"),
    "halfway through a checkpoint's tensors": lambda seen: seen.moments(
        "weights checkpoints", "half"
    ),
    "while a checkpoint is synced": lambda seen: seen.moments(r"fsync checkpoints/\.step", "after"),
    "before a checkpoint gets its name": lambda seen: seen.moments(
        r"rename checkpoints/\.step", "before"
    ),
    "after a checkpoint got its name": lambda seen: seen.moments(
        r"rename checkpoints/\.step", "after"
    ),
    "while an old checkpoint is removed": lambda seen: [
        *seen.moments("rename checkpoints/step", "before", "after"),
        *seen.moments("remove", "before"),
    ],
    "while the status is replaced": lambda seen: seen.moments(
        r"replace \.status", "before", "after"
    ),
    "halfway through an event": lambda seen: seen.moments("write", "half"),
    "while the result is saved": lambda seen: [
        *seen.moments(r"(mkdir|fsync|rename) \.model", "before", "after"),
        *seen.moments(r"weights \.model", "half"),
    ],
    "while the report is written": lambda seen: seen.moments(r"\.report", "before", "after"),
}


@pytest.mark.parametrize("nth", range(DEATHS))
@pytest.mark.parametrize("place", PLACES)
def test_a_worker_killed_at_any_moment_loses_nothing(
    nursery: Nursery, undisturbed: Undisturbed, new_run: NewRun, place: str, nth: int
) -> None:
    moments = PLACES[place](undisturbed)
    death = random.Random(place).sample(moments, DEATHS)[nth]  # noqa: S311 - no secret
    run = new_run(*RECIPE)
    nursery.death = death
    pid = launch(run)
    assert nursery.end_of(pid) == -signal.SIGKILL, run.log.read_text()
    assert_nothing_is_half(run)
    status = run.status()
    if status.state == "finished":
        assert death.place >= len(undisturbed.trace) - 1
        assert_same(run, undisturbed.run)
        return
    assert status.state == "lost"
    if run.has_result():
        ours, theirs = weights_of(run), weights_of(undisturbed.run)
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    if status.lost_while_queued:
        assert "'ftwb queue'" in status.reason
        assert relaunch(Runs(run.path.parent)) == [run]
        assert ended(nursery, run) == 0
        assert_same(run, undisturbed.run)
        return
    assert f"the worker (pid {pid}) ended without giving a reason" in status.reason
    assert ("its result is saved: 'ftwb evaluate" in status.reason) == (
        place == "while the report is written"
    )
    if not (saved := undisturbed.saved(death)):
        with pytest.raises(NotFoundError, match=r"no checkpoint to resume from: 'ftwb train"):
            resume(run)
        return
    assert choose(run).step == saved[-1]
    assert_goes_on(nursery, run, undisturbed.run)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.6, 0.75, 0.9])
def test_a_worker_killed_from_outside_loses_nothing(
    nursery: Nursery, undisturbed: Undisturbed, new_run: NewRun, share: float
) -> None:
    run = new_run(*RECIPE)
    pid = launch(run)
    end = share * undisturbed.run.events.stat().st_size
    while run.events.stat().st_size < end:
        os.sched_yield()
    os.kill(pid, signal.SIGKILL)
    nursery.end_of(pid)
    assert_nothing_is_half(run)
    assert run.status().state in ("lost", "finished")
    if steps(run) and run.status().resumable:
        assert_goes_on(nursery, run, undisturbed.run)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_a_worker_that_is_told_to_end_saves_first(
    nursery: Nursery, undisturbed: Undisturbed, new_run: NewRun, share: float
) -> None:
    run = new_run(*RECIPE)
    pid = launch(run)
    end = share * undisturbed.run.events.stat().st_size
    while run.events.stat().st_size < end:
        os.sched_yield()
    os.kill(pid, signal.SIGHUP)
    os.kill(pid, signal.SIGTERM)
    assert nursery.end_of(pid) == 0
    status = run.status()
    assert status.state in ("stopped", "finished")
    assert run.has_result() == (status.step > 0)
    if status.state == "stopped" and steps(run):
        assert status.reason.startswith("stopped on request")
        assert choose(run).step == status.step
        assert_goes_on(nursery, run, undisturbed.run)


def test_a_result_that_was_not_measured_is_pointed_to(nursery: Nursery, new_run: NewRun) -> None:
    run = new_run(*PLAIN)
    nursery.death = Death(None, "replace .report.json", "before")
    pid = launch(run)
    assert nursery.end_of(pid) == -signal.SIGKILL
    assert run.status().reason.endswith(
        f"; its result is saved: 'ftwb evaluate {run.id}' measures it"
    )
    with pytest.raises(NotFoundError, match=r"no checkpoint .* its result is saved: 'ftwb eval"):
        resume(run)
    remeasure(run, lambda *_: None)
    assert read_report(run).after.heldout_nll is not None


@pytest.mark.parametrize("moment", ["rename model", "rename .model.new", TENSORS])
def test_the_result_of_a_stop_is_never_half_replaced(
    nursery: Nursery,
    undisturbed: Undisturbed,
    new_run: NewRun,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    run = new_run(*RECIPE)
    with monkeypatch.context() as patch:
        stop_at(3, run, patch)
        assert work(run) == 0
    before = weights_of(run)
    nursery.death = Death(None, moment, "half" if moment == TENSORS else "after")
    resume(run)
    assert ended(nursery, run) == -signal.SIGKILL
    assert run.status().state == "lost"
    known = {TENSORS: before, "rename .model.new": weights_of(undisturbed.run)}
    assert run.has_result() == (moment in known)
    if expected := known.get(moment):
        assert all(torch.equal(value, expected[name]) for name, value in weights_of(run).items())
    assert_goes_on(nursery, run, undisturbed.run)
    assert not list(run.path.glob(".model*"))
