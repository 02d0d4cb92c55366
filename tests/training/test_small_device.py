"""Whatever is measured beside training fits into the memory there is, with the same numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.training.live_runs import numbers_of, shortages_of
from tests.training.simulated_oom import MESSAGE
from workbench.evaluation.report import read_report
from workbench.retention.base import Evaluation, GuardDecision
from workbench.retention.early_stopping import EarlyStoppingGuard
from workbench.runs.events import EventReader
from workbench.training import worker
from workbench.training.callbacks import metrics
from workbench.training.worker import train_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.models.loaded_base import LoadedBase
    from workbench.runs.folder import RunFolder

    NewRun = Callable[..., RunFolder]

pytestmark = pytest.mark.slow


class SmallDevice:
    """The base model of the runs to come runs out of memory for more rows than ``rows``."""

    def __init__(self, rows: int, patch: pytest.MonkeyPatch) -> None:
        self.rows: int | None = rows
        opening = worker.open_base

        def crowded(*args: Any) -> LoadedBase:
            opened = opening(*args)
            opened.base.register_forward_pre_hook(self._forward, with_kwargs=True)
            return opened

        patch.setattr(worker, "open_base", crowded)

    def _forward(self, _model: object, _positional: object, named: dict[str, Any]) -> None:
        if self.rows is not None and len(named["input_ids"]) > self.rows:
            raise torch.OutOfMemoryError(MESSAGE)


def test_a_whole_run_on_a_small_device_measures_what_any_other_does(
    new_run: NewRun, probed: tuple[str, ...], general: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = (
        *probed,
        "strategy.kind=full",
        "training.max_steps=4",
        "training.micro_batch_size=5",
        f"retention.replay.source={general}",
        "retention.replay.max_new_tokens=4",
        f"retention.kl.source={general}",
        "retention.kl.batch_size=2",
    )
    roomy, small = new_run(*recipe), new_run(*recipe)
    assert train_run(roomy) == 0
    with monkeypatch.context() as patch:
        patch.setenv("FTWB_CACHE", str(small.path / "cache"))
        SmallDevice(3, patch)
        assert train_run(small) == 0
    assert small.status().state == "finished", small.status().reason
    notices = " ".join(shortages_of(small))
    for what in (
        "loss and KL on text",
        "answers to prompts",
        "the noise floor",
        "the held-out loss",
        "the base's own answers",
        "KL to the base",
    ):
        assert f"{what}: out of memory, batch size" in notices
    assert "accumulation doubled; the effective batch stays 5" in notices
    ours, theirs = numbers_of(small), numbers_of(roomy)
    assert ours.keys() == theirs.keys()
    for place, numbers in theirs.items():
        assert ours[place] == pytest.approx(numbers, rel=1e-2, abs=1e-5, nan_ok=True), place
    mine, its = read_report(small), read_report(roomy)
    for one, other in ((mine.before, its.before), (mine.after, its.after)):
        assert one.heldout_nll == pytest.approx(other.heldout_nll, rel=1e-3)
        assert len(one.items) == len(other.items) > 0
        assert len(one.answers) == len(other.answers) > 0
        assert [text.nll for text in one.general] == pytest.approx(
            [text.nll for text in other.general], rel=1e-3
        )
    assert any("loss and KL on text: out of memory" in note for note in mine.notes)
    assert not any("out of memory" in note for note in its.notes)


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_the_base_is_measured_in_parts(
    new_run: NewRun, general: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    recipe = (
        f"strategy.kind={kind}",
        "training.max_steps=2",
        f"retention.kl.source={general}",
        f"retention.ewc.source={general}",
        "retention.ewc.rows=10",
    )
    device = SmallDevice(2, monkeypatch)
    train = worker.TrainingRun._train

    def with_room(self: worker.TrainingRun, *args: Any) -> Any:
        device.rows = None
        return train(self, *args)

    monkeypatch.setattr(worker.TrainingRun, "_train", with_room)
    run = new_run(*recipe)
    assert train_run(run) == 0
    notices = shortages_of(run)
    assert any(text.startswith("the Fisher information: ") and "→ 2" in text for text in notices)
    predictions = [text for text in notices if text.startswith("the predictions of the base: ")]
    assert any("→ 2" in text for text in predictions) == (kind == "full")
    penalties = [e for e in EventReader(run.events).read() if e["kind"] == "penalty"]
    assert all(event["kl"] >= 0 for event in penalties)


def test_predictions_kept_in_parts_are_those_kept_at_once(
    new_run: NewRun, general: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = (
        "strategy.kind=full",
        "training.max_steps=3",
        "training.warmup_steps=0",
        f"retention.kl.source={general}",
        "retention.kl.batch_size=4",
    )
    roomy, small = new_run(*recipe), new_run(*recipe)
    assert train_run(roomy) == 0
    device = SmallDevice(1, monkeypatch)
    train = worker.TrainingRun._train

    def with_room(self: worker.TrainingRun, *args: Any) -> Any:
        device.rows = None
        return train(self, *args)

    monkeypatch.setattr(worker.TrainingRun, "_train", with_room)
    monkeypatch.setenv("FTWB_CACHE", str(small.path / "cache"))
    assert train_run(small) == 0
    ours, theirs = numbers_of(small), numbers_of(roomy)
    assert ours["penalty", 3]["kl"] > 1e-6
    assert ours["penalty", 3]["kl"] == pytest.approx(theirs["penalty", 3]["kl"], rel=1e-2)


def test_a_base_that_cannot_be_measured_at_all_fails_before_any_step(
    new_run: NewRun, probed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(*probed)
    device = SmallDevice(1, monkeypatch)
    fingerprint = worker.take_fingerprint

    def then_full(*args: Any) -> torch.Tensor:
        taken = fingerprint(*args)
        device.rows = 0
        return taken

    monkeypatch.setattr(worker, "take_fingerprint", then_full)
    assert train_run(run) == 1
    assert run.status().reason.startswith(
        "loss and KL on text: out of memory at batch size 1; end other programs"
    )


def test_a_loss_that_could_not_be_measured_is_no_reason_to_stop() -> None:
    guard = EarlyStoppingGuard(patience=1, minimum_gain=0)
    assert guard.decide(Evaluation(loss=1.0)) == GuardDecision(best=True)
    assert guard.decide(Evaluation(loss=None)) == GuardDecision(best=False)
    assert guard.decide(Evaluation(loss=2.0)).stop


def test_a_held_out_loss_that_never_fits_is_skipped(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crowded(*_: object) -> float:
        raise torch.OutOfMemoryError(MESSAGE)

    monkeypatch.setattr(metrics, "mean_nll", crowded)
    run = new_run("training.max_steps=3", "training.eval_steps=1")
    assert train_run(run) == 0
    skipped = "the held-out loss: measurement skipped, out of memory at batch size 1"
    assert skipped in shortages_of(run)
    assert not [place for place in numbers_of(run) if place[0] == "eval"]
