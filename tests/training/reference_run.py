"""A run that nothing happened to, and how a broken run that is resumed compares with it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tests.training.forked_workers import Fault
from tests.training.live_runs import assert_same_run
from workbench.evaluation.report import read_report
from workbench.planning.resume_launch import resume
from workbench.runs.checkpoints import fault, folder_of, steps
from workbench.runs.view import RunFollower

if TYPE_CHECKING:
    from tests.training.forked_workers import ForkedWorkers
    from workbench.runs.folder import RunFolder

STEPS = 6
PLAIN = ("strategy.lora_dropout=0.1", f"training.max_steps={STEPS}", "evaluation.target_field=null")
RECIPE = (*PLAIN, "training.save_steps=2", "training.save_total_limit=1")

When = Literal["before", "half", "after"]


@dataclass(frozen=True)
class ReferenceRun:
    """A run that nothing happened to, and all that its worker did to the disk, in order."""

    run: RunFolder
    trace: tuple[str, ...]

    def faults(self, pattern: str, *when: When, until: str = "") -> list[Fault]:
        """Faults at the operations that match ``pattern``, before the first ``until``."""
        end = self.trace.index(until) if until else len(self.trace)
        fitting = [
            (index, name) for index, name in enumerate(self.trace[:end]) if re.search(pattern, name)
        ]
        return [Fault(index, name, moment) for index, name in fitting for moment in when]

    def saved(self, fault: Fault) -> list[int]:
        """The steps whose checkpoints were renamed into their place before that fault."""
        done = self.trace[: fault.index + (fault.when == "after")]
        names = (re.fullmatch(r"rename checkpoints/\.step-(\d+)\.new", name) for name in done)
        return [int(name[1]) for name in names if name]


def ended(workers: ForkedWorkers, run: RunFolder) -> int:
    """The exit code of the worker of a run, once it ends."""
    pid = run.status().pid
    assert pid is not None
    return workers.wait(pid)


def assert_files_are_whole(run: RunFolder, torn_before: bytes = b"") -> bytes:
    """Every line but the one torn before is an event, and every checkpoint is intact.

    Returns the last line where it is torn.
    """
    *lines, torn = run.events.read_bytes().split(b"\n")
    assert all("kind" in json.loads(line) for line in lines if line != torn_before)
    assert [fault(folder_of(run, step)) for step in steps(run)] == [""] * len(steps(run))
    return torn


def assert_resumes(workers: ForkedWorkers, run: RunFolder, whole: RunFolder) -> None:
    """It is resumed and ends as the run that nothing happened to."""
    torn = assert_files_are_whole(run)
    resume(run)
    assert ended(workers, run) == 0
    assert_ends_alike(run, whole, torn)


def assert_ends_alike(run: RunFolder, whole: RunFolder, torn: bytes = b"") -> None:
    """Both came to the same, number by number."""
    assert_same_run(run, whole)
    assert assert_files_are_whole(run, torn) == b""
    assert read_report(run).after == read_report(whole).after
    curve = RunFollower(run).poll().series["train.loss"]
    assert curve == RunFollower(whole).poll().series["train.loss"]
