"""What is said of a worker that could not speak for itself any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.core.cgroups import MemoryLimit
from workbench.recipe.recipe import Recipe
from workbench.runs import last_words
from workbench.runs.events import EventLog
from workbench.runs.status import Status

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder, Runs

GIB = 1 << 30


@pytest.fixture
def run(runs: Runs) -> RunFolder:
    """A run whose worker was killed; it had begun after the kernel's second kill."""
    run = runs.create(Recipe())
    Status.of_this_process(state="running", process="gone:1", oom_kills=2).save(run.status_file)
    return run


def kills(patch: pytest.MonkeyPatch, count: int, limit: MemoryLimit | None) -> None:
    patch.setattr(last_words, "oom_kills", lambda: count)
    patch.setattr(last_words, "memory_limit", lambda: limit)


def test_a_kill_in_a_container_is_named_with_its_limit(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills(monkeypatch, 3, MemoryLimit(GIB, GIB, 3))
    status = run.status()
    assert status.state == "lost"
    assert "the kernel killed the worker" in status.reason
    assert "the memory of its container, 1.0 GiB, was used up" in status.reason
    assert "training.micro_batch_size" in status.reason


@pytest.mark.parametrize(("count", "used", "named"), [(3, 15, True), (3, 2, False), (2, 15, False)])
def test_on_a_whole_machine_the_last_reading_must_agree(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, count: int, used: int, named: bool
) -> None:
    log = EventLog(run.events)
    log.append("memory", 1, process=1, host_used=1, host_total=16 * GIB)
    log.append("memory", 2, process=1, host_used=used * GIB, host_total=16 * GIB)
    log.append("train", 2, loss=1.0)
    kills(monkeypatch, count, None)
    assert ("the memory of this machine was used up" in run.status().reason) == named


def test_another_end_is_not_blamed_on_memory(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills(monkeypatch, 2, MemoryLimit(GIB, GIB, 2))
    assert "ended without giving a reason" in run.status().reason
