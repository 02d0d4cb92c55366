"""A whole run on a tiny model: what it writes, what it leaves alone, and how it fails."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.data.tokenizers import NO_END
from tests.strategies.cases import strategy_of
from tests.training.live_runs import after, kinds_at, notices_of, steps_of
from workbench.core.errors import RunFailedError
from workbench.evaluation.report import read_report
from workbench.evaluation.run.reevaluate import reevaluate
from workbench.models.loading import load_base
from workbench.models.loss import labelled_nll
from workbench.models.template_record import read_template
from workbench.recipe.recipe import STRATEGIES
from workbench.runs import control
from workbench.runs.events import EventReader
from workbench.runs.folder import MEASURING
from workbench.training import trainer, worker
from workbench.training.reporting import memory_monitor, reporter
from workbench.training.reporting.error_summary import error_summary
from workbench.training.result import save_result
from workbench.training.worker import train_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

    Train = Callable[..., tuple[RunFolder, RunView]]


@pytest.mark.dtype
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["full", "lora"])
def test_a_run_learns_and_records_everything(trained: Train, kind: str) -> None:
    run, view = trained(f"strategy.kind={kind}", "training.max_steps=30")
    assert view.status.state == "finished", view.status.reason
    assert steps_of(run, "train") == list(range(1, 31))
    assert steps_of(run, "eval") == list(range(3, 31, 3))
    losses = [point.mean for point in view.series["train.loss"].points(100)]
    assert losses[-1] < losses[0] - 0.2
    assert view.value("train", "tokens") > 0
    assert view.value("train", "seconds_left") == 0
    assert view.value("memory", "process") > 10**7
    report = read_report(run)
    assert report.before.heldout_nll is not None
    assert report.after.heldout_nll == pytest.approx(view.value("eval", "loss"), rel=1e-5)
    assert report.after.heldout_nll < report.before.heldout_nll
    assert len(report.before.target) == len(report.after.target) == 12


def test_memory_is_recorded_from_loading_to_measuring_the_result(
    trained: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_monitor, "_INTERVAL_SECONDS", 0.0)
    run, _ = trained()
    phase, phases = "", set()
    for event in EventReader(run.events).read():
        phase = event["name"] if event["kind"] == "phase" else phase
        if event["kind"] == "memory":
            phases.add(phase)
    assert phases == {"loading the base model", "measuring the base", "training", MEASURING}


@pytest.mark.dtype
@pytest.mark.slow
def test_the_first_loss_is_the_loss_of_the_base(trained: Train) -> None:
    _, view = trained("training.max_steps=1", "training.micro_batch_size=12", "strategy.kind=full")
    run, _ = trained("training.max_steps=1")
    before = read_report(run).before.heldout_nll
    assert view.value("train", "loss") == pytest.approx(before, rel=1e-5)


@pytest.mark.dtype
@pytest.mark.slow
def test_accumulated_batches_equal_one_large_batch(trained: Train) -> None:
    plain = ("strategy.kind=full", "training.max_steps=3", "training.optim=sgd")
    _, small = trained(
        *plain, "training.micro_batch_size=3", "training.gradient_accumulation_steps=4"
    )
    _, large = trained(*plain, "training.micro_batch_size=12")
    for name in ("train.loss", "train.gradient_norm"):
        pairs = zip(small.series[name].points(9), large.series[name].points(9), strict=True)
        for one, other in pairs:
            assert one.mean == pytest.approx(other.mean, rel=1e-4)


@pytest.mark.dtype
@pytest.mark.slow
def test_equal_recipes_give_equal_runs(trained: Train) -> None:
    _, first = trained("strategy.lora_dropout=0.1")
    _, second = trained("strategy.lora_dropout=0.1")
    assert first.series["train.loss"] == second.series["train.loss"]


def test_lora_leaves_the_base_bit_identical(trained: Train, tiny_model: Path) -> None:
    run, _ = trained("strategy.kind=lora")
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    strategy = run.recipe().strategy
    tuned = strategy.load(AutoModelForCausalLM.from_pretrained(tiny_model), run.model)
    ids = torch.arange(20).reshape(1, -1)
    expected = base(ids).logits
    assert not torch.equal(tuned(ids).logits, expected)
    with strategy.disabled_adapter(tuned):
        assert torch.equal(tuned(ids).logits, expected)


def test_the_saved_full_model_is_the_trained_one(trained: Train) -> None:
    run, view = trained("strategy.kind=full")
    base = AutoModelForCausalLM.from_pretrained(run.recipe().model.id)
    tuned: Any = run.recipe().strategy.load(base, run.model)
    assert not torch.equal(tuned.model.norm.weight, base.model.norm.weight)
    assert sorted(path.name for path in run.model.glob("*.safetensors")) == ["model.safetensors"]
    assert view.status.state == "finished"


def test_the_tokenizer_is_saved_with_the_template_of_the_training(
    trained: Train, tmp_path: Path
) -> None:
    file = tmp_path / "mine.jinja"
    file.write_text(NO_END, encoding="utf-8")
    run, _ = trained(f"data.chat_template={file}")
    file.unlink()
    assert AutoTokenizer.from_pretrained(run.model).chat_template == NO_END
    assert read_template(run).source == NO_END


def test_a_stop_is_obeyed_after_the_step_and_keeps_the_result(
    new_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run("training.max_steps=1000")
    after(2, monkeypatch, lambda: control.send_request(run, "stop"))
    assert train_run(run) == 0
    assert run.status().state == "stopped"
    assert steps_of(run, "train") == [1, 2, 3]
    assert run.has_result()
    assert read_report(run).after.answers


def test_a_stop_before_the_first_step_ends_the_run_there(
    new_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run()
    take_fingerprint = worker.take_fingerprint

    def ask_meanwhile(*args: Any) -> torch.Tensor:
        control.send_request(run, "stop")
        return take_fingerprint(*args)

    monkeypatch.setattr(worker, "take_fingerprint", ask_meanwhile)
    assert train_run(run) == 0
    assert run.status().state == "stopped"
    assert "measuring the base" in run.status().reason
    assert not run.has_result()


def test_checkpoints_are_kept_by_number(trained: Train) -> None:
    run, _ = trained("training.save_steps=2", "training.save_total_limit=2")
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["step-4", "step-6"]
    assert steps_of(run, "checkpoint") == [2, 4, 6]


def test_a_step_is_measured_then_recorded_then_checkpointed(
    trained: Train, probed: tuple[str, ...]
) -> None:
    run, _ = trained(*probed, "training.save_steps=2", "training.eval_steps=2", "retention.kl=true")
    recorded = ["train", "penalty"]
    assert kinds_at(1, run) == recorded
    assert kinds_at(2, run) == ["eval", "retention", *recorded, "checkpoint"]
    assert kinds_at(4, run) == ["eval", "retention", *["canary"] * 3, *recorded, "checkpoint"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer", ["adamw_torch", "adamw_8bit", "paged_adamw_8bit", "lion_8bit", "adafactor", "sgd"]
)
def test_every_optimiser_takes_steps(trained: Train, optimizer: str) -> None:
    run, view = trained(f"training.optim={optimizer}", "training.max_steps=3")
    assert view.status.state == "finished", view.status.reason
    assert steps_of(run, "train") == [1, 2, 3]


@pytest.mark.dtype
@pytest.mark.slow
def test_gradient_checkpointing_changes_nothing_but_memory(trained: Train) -> None:
    _, plain = trained("strategy.kind=lora")
    _, thrifty = trained("strategy.kind=lora", "training.gradient_checkpointing=true")
    pairs = zip(
        plain.series["train.loss"].points(9), thrifty.series["train.loss"].points(9), strict=True
    )
    assert all(one.mean == pytest.approx(other.mean, rel=1e-5) for one, other in pairs)


def test_divergence_ends_the_run_and_saves_no_broken_model(
    trained: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> tuple[torch.Tensor, int]:
        nll, count = labelled_nll(*args)
        return nll * torch.nan, count

    monkeypatch.setattr(trainer, "labelled_nll", broken)
    run, view = trained("strategy.kind=full")
    assert view.status.state == "failed"
    assert "diverged at step 1" in view.status.reason
    assert "train: loss" in view.notices[-2]["text"]
    assert not run.has_result()


def test_weights_that_are_not_finite_are_never_saved(tiny_model: Path, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    model.model.norm.weight.data[3] = torch.inf
    with pytest.raises(RunFailedError, match=r"model\.norm\.weight is no longer finite"):
        save_result(strategy_of("full"), model, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_label_names_the_row(trained: Train) -> None:
    run, view = trained("evaluation.target_field=topic")
    assert view.status.state == "failed"
    assert "held-out row 1 has no text in 'topic'" in view.status.reason
    assert not run.has_result()


def test_rows_whose_answer_is_cut_off_are_dropped_with_a_notice(trained: Train, rows: Path) -> None:
    lines = [json.loads(line) for line in rows.read_text().splitlines()]
    lines[3]["messages"][0]["content"] *= 9
    rows.write_text("\n".join(map(json.dumps, lines)))
    run, view = trained(
        "training.max_steps=1", "evaluation.target_field=null", "data.max_dropped=0.1"
    )
    assert view.status.state == "finished", view.status.reason
    assert notices_of(run)[:2] == [
        f"{rows}: the model never sees intent",
        (
            f"{rows}: 1 of 12 rows dropped: line 4: no token to learn within 128 tokens "
            "(training.sequence_length)"
        ),
    ]


def test_more_lost_rows_than_the_recipe_allows_are_refused(trained: Train, rows: Path) -> None:
    lines = [json.loads(line) for line in rows.read_text().splitlines()]
    lines[3]["messages"][0]["content"] *= 9
    rows.write_text("\n".join(map(json.dumps, lines)))
    _, view = trained("training.max_steps=1")
    assert view.status.state == "failed"
    assert "line 4: no token to learn within 128 tokens" in view.status.reason
    assert "1 of 12 rows (8.3 %) would be dropped" in view.status.reason
    assert "data.max_dropped allows 5 %" in view.status.reason


def test_it_is_an_error_when_every_answer_is_cut_off(trained: Train) -> None:
    _, view = trained("training.sequence_length=8")
    assert view.status.state == "failed"
    assert "no row has a token to learn: every answer is cut off at 8 tokens" in view.status.reason


def test_broken_weights_fail_with_one_line(
    trained: Train, tiny_model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in tiny_model.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    _, view = trained(f"model.id={broken}")
    assert view.status.state == "failed"
    assert "\n" not in view.status.reason


def test_added_tokens_are_refused_until_they_get_rows(
    trained: Train, tiny_model: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.add_tokens(["refund", "outage", "router"])
    tokenizer.save_pretrained(model)
    _, refused = trained(f"model.id={model}", "training.max_steps=1")
    assert refused.status.state == "failed"
    assert "it has 258 rows, the tokenizer 261 tokens" in refused.status.reason
    run, view = trained(f"model.id={model}", "model.resize_embeddings=true")
    assert view.status.state == "finished", view.status.reason
    report = read_report(run)
    assert report.after.heldout_nll < report.before.heldout_nll
    section, ids = run.recipe().model, torch.arange(261)
    base = load_base(section, model, device=torch.device("cpu"), dtype=torch.float32)
    before = base.get_input_embeddings()(ids).detach()
    tuned: Any = run.recipe().strategy.load(base, run.model)
    after = tuned.get_input_embeddings()(ids).detach()
    assert torch.equal(after[:258], before[:258])
    assert not torch.isclose(after[258:], before[258:]).all(dim=1).any()


def test_running_out_of_gpu_memory_names_the_remedies() -> None:
    summary = error_summary(torch.OutOfMemoryError("CUDA out of memory"))
    assert summary.startswith("out of GPU memory: end other programs on the device, ")
    assert "strategy.kind=qlora" in summary


def test_a_bug_is_named_by_type_and_first_line() -> None:
    assert error_summary(KeyError("x")) == "KeyError: 'x'"
    assert error_summary(ValueError("one\ntwo")) == "ValueError: one"


def test_the_fingerprint_is_of_the_untouched_base(trained: Train, tiny_model: Path) -> None:
    from safetensors.torch import load_file
    from transformers import AutoTokenizer

    from workbench.evaluation.fingerprint import take_fingerprint

    run, _ = trained("strategy.kind=full")
    stored = load_file(run.base / "fingerprint.safetensors")["logits"]
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    assert torch.equal(stored, take_fingerprint(base, tokenizer))


def test_status_is_json_a_stranger_can_read(trained: Train) -> None:
    run, _ = trained()
    status = json.loads(run.status_file.read_text())
    assert (status["state"], status["step"], status["total"]) == ("finished", 6, 6)
    assert status["ended"] >= status["started"] >= status["created"]


def test_a_late_stop_never_costs_the_result(
    new_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run()
    train = worker.TrainingRun._train

    def stop_afterwards(self: worker.TrainingRun, *args: Any) -> object:
        trained = train(self, *args)
        control.send_request(run, "stop")
        return trained

    monkeypatch.setattr(worker.TrainingRun, "_train", stop_afterwards)
    assert train_run(run) == 0
    assert run.status().state == "stopped"
    assert run.has_result()


@pytest.mark.slow
def test_a_result_that_cannot_be_measured_is_still_saved(
    trained: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError

    with monkeypatch.context() as patched:
        patched.setattr(worker.Evaluator, "measure", fail)
        run, view = trained("training.max_steps=1")
    assert view.status.state == "finished", view.status.reason
    assert run.has_result()
    assert not run.report.exists()
    notice = view.notices[-1]["text"]
    assert "the result is saved but could not be measured: out of GPU memory" in notice
    assert f"'ftwb evaluate {run.id}' tries again" in notice
    reevaluate(run, lambda *_: None)
    assert read_report(run).after.heldout_nll is not None


def test_a_disk_that_fails_is_named(trained: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise SafetensorError("I/O error: Input/output error (os error 5)")

    monkeypatch.setattr(STRATEGIES["full"], "save", fail)
    run, view = trained("strategy.kind=full")
    assert view.status.state == "failed"
    assert "cannot save the model" in view.status.reason
    assert "Input/output error" in view.status.reason
    assert not run.has_result()


def test_the_heartbeat_continues_while_nothing_is_reported(
    new_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporter, "_HEARTBEAT_SECONDS", 0.01)
    run = new_run()
    writer = reporter.Reporter(run)
    first = run.status().heartbeat
    while run.status().heartbeat == first:
        os.sched_yield()
    writer.set_state("finished")
    assert run.status().state == "finished"
