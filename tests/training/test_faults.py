"""A worker that is killed at any moment loses nothing, and what is shown of it is true."""

from __future__ import annotations

import json
import os
import random
import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pytest
import torch

from tests.training.nursery import TRACE, Death, Nursery, opened
from tests.training.test_resume import assert_same, stop_at, weights_of
from workbench.errors import NotFoundError
from workbench.probes.report import read_report
from workbench.runs import launch as launching
from workbench.runs.checkpoints import choose, fault, folder_of, steps
from workbench.runs.folder import Runs
from workbench.runs.launch import launch, relaunch
from workbench.runs.view import RunFollower
from workbench.training.remeasure import remeasure
from workbench.training.resuming import resume
from workbench.training.worker import work

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.folder import RunFolder

    NewRun = Callable[..., RunFolder]

STEPS = 6
PLAIN = ("strategy.dropout=0.1", f"training.max_steps={STEPS}", "evaluation.target_field=null")
RECIPE = (*PLAIN, "training.checkpoint_interval=2", "training.checkpoints_kept=1")
TENSORS = "weights .model.new/adapter_model.safetensors"
DEATHS = 3
"""At each place."""

When = Literal["before", "half", "after"]


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing happened to, and all that its worker did to the disk, in order."""

    run: RunFolder
    trace: tuple[str, ...]

    def moments(self, pattern: str, *when: When, until: str = "") -> list[Death]:
        """The moments that fit ``pattern``, to die at; only those before the first ``until``."""
        end = self.trace.index(until) if until else len(self.trace)
        fitting = [
            (place, name) for place, name in enumerate(self.trace[:end]) if re.search(pattern, name)
        ]
        return [Death(place, name, one) for place, name in fitting for one in when]

    def saved(self, death: Death) -> list[int]:
        """The steps whose checkpoints were renamed into their place before that death."""
        done = self.trace[: death.place + (death.when == "after")]
        names = (re.fullmatch(r"rename checkpoints/\.step-(\d+)\.new", name) for name in done)
        return [int(name[1]) for name in names if name]


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


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    """What is made once, when the first test needs it."""
    return {}


@pytest.fixture
def nursery(kept: dict[str, Any], new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> Nursery:
    """Workers are forked from a process in which such a run was already done, its base measured."""
    monkeypatch.setenv("FTWB_CACHE", kept.setdefault("cache", os.environ["FTWB_CACHE"]))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    if "nursery" not in kept:
        kept["nursery"] = opened(dict(os.environ), new_run(*RECIPE).path)
    found: Nursery = kept["nursery"]
    monkeypatch.setattr(launching, "subprocess", found)
    return found


@pytest.fixture
def undisturbed(kept: dict[str, Any], nursery: Nursery, new_run: NewRun) -> Undisturbed:
    if "undisturbed" not in kept:
        run = new_run(*RECIPE)
        nursery.traced = True
        assert nursery.end_of(launch(run)) == 0
        trace = tuple((run.path / TRACE).read_text().splitlines())
        kept["undisturbed"] = Undisturbed(run, trace)
    found: Undisturbed = kept["undisturbed"]
    return found


def ended(nursery: Nursery, run: RunFolder) -> int:
    pid = run.status().pid
    assert pid is not None
    return nursery.end_of(pid)


def assert_nothing_is_half(run: RunFolder, known: bytes = b"") -> bytes:
    """Every line but the one ``known`` to be torn is an event, and what is offered can be used.

    Returns the last line where it is torn.
    """
    *lines, torn = run.events.read_bytes().split(b"\n")
    assert all("kind" in json.loads(line) for line in lines if line != known)
    assert [fault(folder_of(run, step)) for step in steps(run)] == [""] * len(steps(run))
    return torn


def assert_goes_on(nursery: Nursery, run: RunFolder, whole: RunFolder) -> None:
    """It is resumed and ends as the run that nothing happened to."""
    torn = assert_nothing_is_half(run)
    resume(run)
    assert ended(nursery, run) == 0
    assert_same(run, whole)
    assert assert_nothing_is_half(run, torn) == b""
    assert read_report(run).after == read_report(whole).after
    curve = RunFollower(run).poll().series["train.loss"]
    assert curve == RunFollower(whole).poll().series["train.loss"]


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
    if status.stranded:
        assert "'ftwb queue'" in status.reason
        assert relaunch(Runs(run.path.parent)) == [run]
        assert ended(nursery, run) == 0
        assert_same(run, undisturbed.run)
        return
    assert f"the worker (pid {pid}) ended without saying why" in status.reason
    assert ("its result is saved: 'ftwb evaluate" in status.reason) == (
        place == "while the report is written"
    )
    if not (saved := undisturbed.saved(death)):
        with pytest.raises(NotFoundError, match=r"no checkpoint to go on from: 'ftwb train"):
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
