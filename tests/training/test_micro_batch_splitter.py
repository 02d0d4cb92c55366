"""A micro batch that does not fit is split, and the run is the run it would have been."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.training.live_runs import (
    NUMBERS,
    assert_same_weights,
    die_at,
    numbers_of,
    shortages_of,
    weights_of,
)
from tests.training.simulated_oom import MESSAGE, in_backward, in_forward, more_than
from workbench.runs import checkpoints
from workbench.runs.events import EventReader
from workbench.training import trainer_setup
from workbench.training.distributed.process_group import ProcessGroup
from workbench.training.guards import GuardSet
from workbench.training.oom.micro_batch_splitter import MicroBatchSplitter
from workbench.training.trainer import WorkbenchTrainer
from workbench.training.worker import train_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder

    NewRun = Callable[..., RunFolder]

pytestmark = pytest.mark.slow

STEPS = 5
PLAIN = (
    f"training.max_steps={STEPS}",
    "training.eval_steps=2",
    "evaluation.target_max_new_tokens=1",
    "evaluation.prompts_max_new_tokens=1",
)
FULL = ("strategy.kind=full", *PLAIN)
LORA = ("strategy.kind=lora", *PLAIN)
GUARDED = (
    *FULL,
    "retention.replay.answers=dataset",
    "retention.replay.share=0.4",
)
CASES = {"full": FULL, "lora": LORA, "ewc_replay": GUARDED, "lora_kl": LORA}


@pytest.fixture
def case_of(general: Path) -> Callable[[str, int], tuple[str, ...]]:
    """A recipe by name, with general text where a protection reads it."""
    guards = {
        "ewc_replay": (
            f"retention.replay.source={general}",
            f"retention.ewc.source={general}",
            "retention.ewc.strength=1000",
        ),
        "lora_kl": (f"retention.kl.source={general}",),
    }

    def named(name: str, accumulation: int) -> tuple[str, ...]:
        steps = f"training.gradient_accumulation_steps={accumulation}"
        return (*CASES[name], *guards.get(name, ()), steps)

    return named


def assert_close(cut: RunFolder, whole: RunFolder) -> None:
    """Both finished, with the same numbers and weights but for rounding."""
    assert cut.status().state == whole.status().state == "finished", cut.status().reason
    ours, theirs = numbers_of(cut), numbers_of(whole)
    assert ours.keys() == theirs.keys()
    for place, numbers in theirs.items():
        for name in NUMBERS:
            assert ours[place][name] == pytest.approx(numbers[name], rel=1e-3, abs=1e-6), place
        assert ours[place]["tokens"] == numbers["tokens"]
        assert ours[place]["learning_rate"] == numbers["learning_rate"]
    mine, its = weights_of(cut), weights_of(whole)
    assert mine.keys() == its.keys()
    for name in its:
        torch.testing.assert_close(mine[name], its[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("accumulation", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_a_split_run_is_the_run_that_was_never_short_of_memory(
    new_run: NewRun,
    case_of: Callable[[str, int], tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    accumulation: int,
) -> None:
    recipe = case_of(name, accumulation)
    whole = new_run(*recipe)
    assert train_run(whole) == 0
    assert shortages_of(whole) == []
    for run_out in (in_forward, in_backward):
        cut = new_run(*recipe)
        with monkeypatch.context() as patch:
            run_out(more_than(2, since=2 * accumulation), patch)
            assert train_run(cut) == 0
        assert_close(cut, whole)
        assert len(shortages_of(cut)) >= 1


def test_each_split_is_reported_once_with_its_numbers(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(*LORA, "training.micro_batch_size=4", "training.gradient_accumulation_steps=3")
    in_forward(more_than(1, since=5), monkeypatch)
    assert train_run(run) == 0
    splits = [e for e in EventReader(run.events).read() if "micro_batch_size" in e]
    numbers = [(e["step"], e["micro_batch_size"], e["parts"]) for e in splits]
    assert numbers == [(1, 2, 2), (1, 1, 4)]
    assert shortages_of(run) == [
        f"out of memory: micro batch {change}, accumulation doubled; the effective batch stays 12"
        for change in ("4 → 2", "2 → 1")
    ]


def parts_from(step: int, parts: int, patch: pytest.MonkeyPatch) -> None:
    """Split micro batches from the start of a step on, without any failed try."""
    begin = MicroBatchSplitter._begin_step

    def split(self: MicroBatchSplitter, state: Any) -> None:
        begin(self, state)
        if state.global_step + 1 == step:
            self.load_state_dict({"parts": parts})

    patch.setattr(MicroBatchSplitter, "_begin_step", split)


@pytest.mark.parametrize("run_out", [in_forward, in_backward])
def test_a_failed_try_leaves_no_trace_not_even_in_random_states(
    new_run: NewRun, general: Path, monkeypatch: pytest.MonkeyPatch, run_out: Callable[..., None]
) -> None:
    recipe = (
        *LORA,
        "strategy.lora_dropout=0.3",
        f"retention.kl.source={general}",
        "training.gradient_accumulation_steps=2",
    )
    cut, tried = new_run(*recipe), new_run(*recipe)
    with monkeypatch.context() as patch:
        parts_from(3, 2, patch)
        assert train_run(cut) == 0
    second_of_step_3 = 5  # the epoch's three micro batches make a step of two and one of one
    run_out(lambda _batch, count: count == second_of_step_3, monkeypatch)
    assert train_run(tried) == 0
    assert len(shortages_of(tried)) == 1
    ours, theirs = numbers_of(tried), numbers_of(cut)
    assert {place: one["gradient_norm"] for place, one in ours.items()} == {
        place: one["gradient_norm"] for place, one in theirs.items()
    }
    assert_same_weights(tried, cut)


def test_a_resumed_run_keeps_splitting(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = (*LORA, "training.save_steps=3", "strategy.lora_dropout=0.1")
    whole, broken = new_run(*recipe), new_run(*recipe)
    in_forward(more_than(2, since=2), monkeypatch)
    assert train_run(whole) == 0
    in_forward(more_than(2, since=2), monkeypatch)
    with monkeypatch.context() as patch:
        die_at(4, patch)
        assert train_run(broken) == 1
    in_forward(more_than(2), monkeypatch)
    assert train_run(broken, resume=True) == 0
    assert len(shortages_of(broken)) == len(shortages_of(whole)) == 1
    assert numbers_of(broken) == numbers_of(whole)
    assert_same_weights(broken, whole)


@pytest.mark.parametrize(
    ("recipe", "since", "step", "parts"),
    [
        (("training.gradient_accumulation_steps=1",), 4, 3, 4),
        (("training.gradient_accumulation_steps=2",), 8, 4, 4),
        (("training.micro_batch_size=6",), 3, 2, 8),
    ],
    ids=["between micro batches", "among accumulated ones", "at the start of an epoch"],
)
def test_where_not_even_one_row_fits_nothing_is_lost(
    new_run: NewRun,
    monkeypatch: pytest.MonkeyPatch,
    recipe: tuple[str, ...],
    since: int,
    step: int,
    parts: int,
) -> None:
    recipe = (*LORA, "strategy.lora_dropout=0.1", *recipe)
    whole, short = new_run(*recipe), new_run(*recipe)
    with monkeypatch.context() as patch:
        parts_from(step + 1, parts, patch)
        assert train_run(whole) == 0
    with monkeypatch.context() as patch:
        in_backward(more_than(0, since=since), patch)
        assert train_run(short) == 1
    status = short.status()
    assert status.state == "failed"
    assert "out of memory at micro batch 1, a row of " in status.reason
    assert "lower training.sequence_length, set training.gradient_checkpointing or" in status.reason
    assert status.reason.endswith(f"; step {step} is saved in its checkpoint")
    assert checkpoints.choose(short).step == step
    assert train_run(short, resume=True) == 0
    assert numbers_of(short) == numbers_of(whole)
    assert_same_weights(short, whole)


def test_before_the_first_step_there_is_nothing_to_save(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(*LORA)
    in_forward(more_than(0), monkeypatch)
    assert train_run(run) == 1
    assert run.status().reason.endswith("; no step was completed")
    assert checkpoints.steps(run) == []


def test_the_optimiser_is_named_where_it_had_no_memory(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crowded(self: torch.optim.AdamW, *_: object) -> None:
        count = next(iter(self.state.values()), {"step": 0})["step"]
        if count == 2:
            raise torch.OutOfMemoryError(MESSAGE)
        step(self)

    step = torch.optim.AdamW.step
    run = new_run(*FULL)
    monkeypatch.setattr(torch.optim.AdamW, "step", crowded)
    assert train_run(run) == 1
    assert "out of memory in the optimiser's step: set training.optim to" in run.status().reason
    assert (
        "step 2 is saved in its checkpoint, perhaps with half of the next step"
        in run.status().reason
    )
    assert checkpoints.choose(run).step == 2


def test_penalties_are_computed_apart_before_the_run_fails(
    new_run: NewRun, general: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure, learned = GuardSet.penalty, []

    def crowded(self: GuardSet) -> object:
        learned.append(1)
        if len(learned) in (2, 3):
            raise torch.OutOfMemoryError(MESSAGE)
        return measure(self)

    monkeypatch.setattr(GuardSet, "penalty", crowded)
    run = new_run(*LORA, "training.micro_batch_size=1", f"retention.kl.source={general}")
    assert train_run(run) == 1
    assert shortages_of(run) == [
        "out of memory: micro batch stays 1, penalties are computed apart from it"
    ]
    assert "out of memory for the penalties of retention.kl, even apart" in run.status().reason
    assert checkpoints.choose(run).step == 1


def test_one_of_several_processes_does_not_split(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(*LORA)

    def of_two(recipe: Any, reporter: Any, _processes: object, stateful: Any) -> MicroBatchSplitter:
        return MicroBatchSplitter(recipe, reporter, ProcessGroup(0, 2), stateful)

    monkeypatch.setattr(trainer_setup, "MicroBatchSplitter", of_two)
    in_forward(more_than(2, since=2), monkeypatch)
    assert train_run(run) == 1
    assert "with several processes none can split its micro batch" in run.status().reason
    assert shortages_of(run) == []


def test_other_errors_fail_the_run(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the sizes of tensors must match")

    monkeypatch.setattr(WorkbenchTrainer, "compute_loss", broken)
    run = new_run(*LORA)
    assert train_run(run) == 1
    assert run.status().reason == "RuntimeError: the sizes of tensors must match"
    assert shortages_of(run) == []
