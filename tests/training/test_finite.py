"""A loss or a gradient that is not finite never reaches the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.tiny import make_tiny_model
from tests.training.shortage import in_forward, more_than
from tests.training.test_resume import stop_at, weights_of
from workbench.models.loss import labelled_nll
from workbench.runs import checkpoints
from workbench.runs.events import EventReader
from workbench.runs.view import RunFollower
from workbench.training import nonfinite_guard, trainer
from workbench.training.callbacks import monitor
from workbench.training.worker import work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
        "training.lr_scheduler_type=constant",
        "training.warmup_steps=0",
        "training.micro_batch_size=12",
        "training.on_nonfinite=skip",
        "training.save_steps=1",
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
    run = new_run("strategy.kind=full", "training.save_steps=1")
    break_calls({3}, monkeypatch, by=torch.inf)
    assert work(run) == 1
    assert "diverged at step 3: the loss is" in run.status().reason
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["step-1", "step-2"]
    assert not run.has_result()


def test_skipping_for_ever_ends(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nonfinite_guard, "MOST_SKIPPED", 2)
    run = new_run("training.on_nonfinite=skip")
    break_calls({3, 5, 6}, monkeypatch)
    assert work(run) == 1
    assert "diverged at step 6 and in 1 steps before it: the loss is nan" in run.status().reason


def break_weights_at(step: int, patch: pytest.MonkeyPatch, *, all_of_it: bool = True) -> None:
    """Spoil a trained weight after a step of finite loss, or a place in it that none reads."""
    end = monitor.Monitor.on_step_end

    def spoil(self: monitor.Monitor, args: Any, state: Any, ctl: Any, **kwargs: Any) -> Any:
        if state.global_step == step:
            weights = [one for one in kwargs["model"].parameters() if one.requires_grad]
            weights[0].data[slice(None) if all_of_it else UNREAD] = torch.nan
        return end(self, args, state, ctl, **kwargs)

    patch.setattr(monitor.Monitor, "on_step_end", spoil)


UNREAD = 7
"""A token that no row holds, so that its embedding does not spoil the loss."""

UNTIED = ("strategy.kind=full", "training.max_steps=4", "training.eval_steps=1")


def bytes_of(run: RunFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.model.iterdir()}


def test_a_broken_model_never_takes_the_place_of_an_earlier_result(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run("strategy.kind=full", "training.max_steps=4")
    with monkeypatch.context() as patch:
        stop_at(2, run, patch)
        assert work(run) == 0
    before = bytes_of(run)
    break_weights_at(4, monkeypatch)
    assert work(run, resume=True) == 1
    assert "is no longer finite; lower the learning rate" in run.status().reason
    assert bytes_of(run) == before
    assert checkpoints.choose(run).step == 2


def test_a_broken_model_is_no_checkpoint(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run("strategy.kind=lora", "training.save_steps=1", "training.save_total_limit=1")
    break_weights_at(3, monkeypatch)
    assert work(run) == 1
    assert "is no longer finite" in run.status().reason
    assert checkpoints.steps(run) == [2]
    assert checkpoints.choose(run).step == 2
    assert not run.has_result()


def test_a_broken_end_gives_the_best_that_was_whole(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = (*UNTIED, "retention.early_stopping.patience=9")
    whole, broken = (
        new_run(*recipe, "training.lr_scheduler_type=constant"),
        new_run(*recipe, "training.lr_scheduler_type=constant"),
    )
    with monkeypatch.context() as patch:
        stop_at(3, whole, patch)
        assert work(whole) == 0
    break_weights_at(4, monkeypatch)
    assert work(broken) == 0
    ours, theirs = weights_of(broken), weights_of(whole)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_weight_that_is_broken_where_no_row_looks_is_not_kept_as_the_best(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    untied = make_tiny_model(tmp_path / "untied", "qwen3")
    run = new_run(*UNTIED, f"model.id={untied}", "retention.early_stopping.patience=9")
    break_weights_at(3, monkeypatch, all_of_it=False)
    assert work(run) == 0
    texts = [notice.get("text", "") for notice in RunFollower(run).poll().notices]
    assert "not kept as the best: model.embed_tokens.weight is not finite" in texts
    assert "the result is the model of step 2: the lowest held-out loss" in texts
    assert all(torch.isfinite(tensor).all() for tensor in weights_of(run).values())


def test_a_broken_model_is_not_rescued_from_a_full_device(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run("strategy.kind=full", "training.max_steps=4")
    break_weights_at(2, monkeypatch)
    in_forward(more_than(0, since=3), monkeypatch)
    assert work(run) == 1
    assert "and step 2 could not be kept: training diverged: " in run.status().reason
    assert checkpoints.steps(run) == []
