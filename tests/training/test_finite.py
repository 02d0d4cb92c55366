"""A loss or a gradient that is not finite never reaches the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from workbench.runs.events import EventReader
from workbench.runs.view import RunFollower
from workbench.training import finite, trainer
from workbench.training.loss import labelled_nll
from workbench.training.worker import work

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.folder import RunFolder

    NewRun = Callable[..., RunFolder]


def break_calls(broken: set[int], patch: pytest.MonkeyPatch, *, by: float = torch.nan) -> None:
    """Spoil the loss of some micro batches, counted from 1."""
    calls = 0

    def measure(*args: object) -> tuple[torch.Tensor, int]:
        nonlocal calls
        calls += 1
        nll, count = labelled_nll(*args)
        return nll * by if calls in broken else nll, count

    patch.setattr(trainer, "labelled_nll", measure)


def losses_of(run: RunFolder) -> dict[int, float | None]:
    return {e["step"]: e["loss"] for e in EventReader(run.events).read() if e["kind"] == "train"}


def test_a_skipped_step_moves_nothing_and_spoils_nothing(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = (
        "strategy.kind=full",
        "training.scheduler=constant",
        "training.warmup=0",
        "training.micro_batch_size=12",
        "training.on_nonfinite=skip",
        "training.checkpoint_interval=1",
    )
    whole, skipping = (
        new_run(*recipe, "training.max_steps=3"),
        new_run(*recipe, "training.max_steps=4"),
    )
    assert work(whole) == 0
    break_calls({2}, monkeypatch)
    assert work(skipping) == 0
    expected, found = losses_of(whole), losses_of(skipping)
    assert found[2] is None
    assert [found[1], found[3], found[4]] == pytest.approx(
        [expected[1], expected[2], expected[3]], rel=1e-6
    )
    texts = [notice.get("text") for notice in RunFollower(skipping).poll().notices]
    assert "step 2 was skipped: the loss is nan" in texts


def test_a_stop_keeps_the_checkpoint_of_the_step_before(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run("strategy.kind=full", "training.checkpoint_interval=1")
    break_calls({3}, monkeypatch, by=torch.inf)
    assert work(run) == 1
    assert "diverged at step 3: the loss is" in run.status().reason
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["step-1", "step-2"]
    assert not run.has_result()


def test_skipping_for_ever_ends(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finite, "MOST_SKIPPED", 2)
    run = new_run("training.on_nonfinite=skip")
    break_calls({3, 5, 6}, monkeypatch)
    assert work(run) == 1
    assert "diverged at step 6 and in 1 steps before it: the loss is nan" in run.status().reason
