"""The run that nothing happened to, and what it is for a broken one to go on as if it were it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tests.training.nursery import Death
from tests.training.test_resume import assert_same
from workbench.evaluation.report import read_report
from workbench.planning.resume_launch import resume
from workbench.runs.checkpoints import fault, folder_of, steps
from workbench.runs.view import RunFollower

if TYPE_CHECKING:
    from tests.training.nursery import Nursery
    from workbench.runs.folder import RunFolder

STEPS = 6
PLAIN = ("strategy.lora_dropout=0.1", f"training.max_steps={STEPS}", "evaluation.target_field=null")
RECIPE = (*PLAIN, "training.save_steps=2", "training.save_total_limit=1")

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
    assert_is(run, whole, torn)


def assert_is(run: RunFolder, whole: RunFolder, torn: bytes = b"") -> None:
    """Both came to the same, number by number."""
    assert_same(run, whole)
    assert assert_nothing_is_half(run, torn) == b""
    assert read_report(run).after == read_report(whole).after
    curve = RunFollower(run).poll().series["train.loss"]
    assert curve == RunFollower(whole).poll().series["train.loss"]
