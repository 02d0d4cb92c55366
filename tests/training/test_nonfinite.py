"""A loss or a gradient that is not finite never reaches the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.tiny import make_tiny_model
from tests.training.live_runs import (
    assert_same_weights,
    events_of,
    notices_of,
    stop_at,
    weights_of,
)
from tests.training.simulated_oom import in_forward, more_than
from workbench.models.loss import labelled_nll
from workbench.runs import checkpoints
from workbench.training import trainer
from workbench.training.callbacks import nonfinite
from workbench.training.callbacks.record import RecordCallback
from workbench.training.worker import train_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder

    NewRun = Callable[..., RunFolder]


def break_calls(broken: set[int], patch: pytest.MonkeyPatch, *, by: float = torch.nan) -> None:
    """Spoil the loss of some micro batches, counted from 1."""
    calls = 0

    def measure(*args: Any) -> tuple[torch.Tensor, int]:
        nonlocal calls
        calls += 1
        nll, count = labelled_nll(*args)
        return nll * by if calls in broken else nll, count

    patch.setattr(trainer, "labelled_nll", measure)


def losses_of(run: RunFolder) -> dict[int, float | None]:
    return {event["step"]: event["loss"] for event in events_of(run, "train")}


@pytest.mark.dtype
@pytest.mark.slow
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
    assert train_run(whole) == 0
    break_calls({2}, monkeypatch)
    assert train_run(skipping) == 0
    expected, losses = losses_of(whole), losses_of(skipping)
    assert losses[2] is None
    assert [losses[1], losses[3], losses[4]] == pytest.approx(
        [expected[1], expected[2], expected[3]], rel=1e-6
    )
    assert "step 2 skipped: the loss is nan" in notices_of(skipping)


def test_a_stop_keeps_the_checkpoint_of_the_step_before(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run("strategy.kind=full", "training.save_steps=1")
    break_calls({3}, monkeypatch, by=torch.inf)
    assert train_run(run) == 1
    assert "diverged at step 3: the loss is" in run.status().reason
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["step-1", "step-2"]
    assert not run.has_result()


def test_an_overflow_in_float16_is_not_blamed_on_the_learning_rate(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run("model.dtype=float16", "training.max_steps=2")
    break_calls({1}, monkeypatch)
    assert train_run(run) == 1
    assert "float16 overflows at 65,504" in run.status().reason
    assert "lower the learning rate" not in run.status().reason


def test_skipping_ends_after_too_many_steps_in_a_row(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nonfinite, "MAX_SKIPPED", 2)
    run = new_run("training.on_nonfinite=skip")
    break_calls({3, 5, 6}, monkeypatch)
    assert train_run(run) == 1
    assert "diverged at step 6 (2 such steps in a row): the loss is nan" in run.status().reason


def break_weights_at(step: int, patch: pytest.MonkeyPatch, *, all_of_it: bool = True) -> None:
    """Spoil a trained weight after a step of finite loss, or a place in it that none reads."""
    end = RecordCallback.on_step_end

    def spoil(self: RecordCallback, args: Any, state: Any, ctl: Any, **kwargs: Any) -> None:
        if state.global_step == step:
            weights = [weight for weight in kwargs["model"].parameters() if weight.requires_grad]
            weights[0].data[slice(None) if all_of_it else UNREAD] = torch.nan
        end(self, args, state, ctl, **kwargs)

    patch.setattr(RecordCallback, "on_step_end", spoil)


UNREAD = 7
"""A token that no row holds, so that its embedding does not spoil the loss."""

UNTIED = ("strategy.kind=full", "training.max_steps=4", "training.eval_steps=1")


def bytes_of(run: RunFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.model.iterdir()}


@pytest.mark.dtype
@pytest.mark.slow
def test_a_broken_model_never_takes_the_place_of_an_earlier_result(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run("strategy.kind=full", "training.max_steps=4")
    with monkeypatch.context() as patch:
        stop_at(2, run, patch)
        assert train_run(run) == 0
    before = bytes_of(run)
    break_weights_at(4, monkeypatch)
    assert train_run(run, resume=True) == 1
    assert "is no longer finite; lower the learning rate" in run.status().reason
    assert bytes_of(run) == before
    assert checkpoints.choose(run).step == 2


def test_a_broken_model_is_not_checkpointed(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run("strategy.kind=lora", "training.save_steps=1", "training.save_total_limit=1")
    break_weights_at(3, monkeypatch)
    assert train_run(run) == 1
    assert "is no longer finite" in run.status().reason
    assert checkpoints.steps(run) == [2]
    assert checkpoints.choose(run).step == 2
    assert not run.has_result()


@pytest.mark.dtype
@pytest.mark.slow
def test_after_a_broken_end_the_result_is_the_best_that_was_finite(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = (*UNTIED, "retention.early_stopping.patience=9")
    whole, broken = (
        new_run(*recipe, "training.lr_scheduler_type=constant"),
        new_run(*recipe, "training.lr_scheduler_type=constant"),
    )
    with monkeypatch.context() as patch:
        stop_at(3, whole, patch)
        assert train_run(whole) == 0
    break_weights_at(4, monkeypatch)
    assert train_run(broken) == 0
    assert_same_weights(broken, whole)


def test_a_broken_weight_that_no_row_reads_is_not_kept_as_the_best(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    untied = make_tiny_model(tmp_path / "untied", "qwen3")
    run = new_run(*UNTIED, f"model.id={untied}", "retention.early_stopping.patience=9")
    break_weights_at(3, monkeypatch, all_of_it=False)
    assert train_run(run) == 0
    notices = notices_of(run)
    assert "not kept as the best: model.embed_tokens.weight is not finite" in notices
    assert "the result is the model of step 2: the lowest held-out loss" in notices
    assert all(torch.isfinite(tensor).all() for tensor in weights_of(run).values())


def test_a_broken_model_is_not_saved_when_memory_runs_out(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run("strategy.kind=full", "training.max_steps=4")
    break_weights_at(2, monkeypatch)
    in_forward(more_than(0, since=3), monkeypatch)
    assert train_run(run) == 1
    assert "; step 2 could not be saved: training diverged: " in run.status().reason
    assert checkpoints.steps(run) == []
