"""Base and tuned model of a run, measured before, during and after training."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from workbench.evaluation.report import read_report
from workbench.evaluation.run import evaluator
from workbench.runs.events import EventReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

    Train = Callable[..., tuple[RunFolder, RunView]]

STILL = ("training.learning_rate=1e-30", "training.optim=sgd")
"""Steps too small for any float32 weight to move."""


def events_of(run: RunFolder, kind: str) -> list[dict[str, Any]]:
    return [event for event in EventReader(run.events).read() if event["kind"] == kind]


@pytest.mark.dtype
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "precision", "floor"),
    [("full", "fp32", 1e-6), ("lora", "fp32", 1e-6), ("full", "bf16", 1e-3)],
)
def test_the_base_against_itself_has_lost_nothing(
    trained: Train, probed: tuple[str, ...], kind: str, precision: str, floor: float
) -> None:
    fields = (f"strategy.kind={kind}", f"training.precision={precision}")
    run, view = trained(*fields, *STILL, *probed)
    assert view.status.state == "finished", view.status.reason
    report = read_report(run)
    assert report.after == report.before
    assert [text.kl for text in report.after.general] == [0.0] * 8  # 12 others are watched
    assert len(report.before.task) == 12
    assert report.noise.kl < floor
    assert (report.noise.changed, report.noise.items) == (0, 6 + 3)
    assert [event["kl"] for event in events_of(run, "retention")] == [0.0] * 4


def test_rows_that_are_both_learned_and_measured_are_noted_in_the_report(
    trained: Train, rows: Path, tmp_path: Path
) -> None:
    other = {"role": "user", "content": "Why is the sky blue?"}
    unlike = {"messages": [other, {"role": "assistant", "content": "Air scatters blue light."}]}
    general = tmp_path / "general.jsonl"
    general.write_text("".join([*rows.open().readlines()[:3], json.dumps(unlike)]))
    run, _ = trained(
        f"evaluation.general_text={general}", "data.heldout_share=0", "training.max_steps=1"
    )
    (note,) = [note for note in read_report(run).notes if "general_text" in note]
    assert note.startswith("data.train: 3 of the 4 rows of evaluation.general_text are in ")


def test_a_trained_model_differs_from_its_base(trained: Train, probed: tuple[str, ...]) -> None:
    run, view = trained("strategy.kind=full", *probed)
    report = read_report(run)
    assert all(text.kl > 1e-4 for text in report.after.general)
    assert all(text.kl == 0 for text in report.before.general)
    pairs = list(zip(report.before.general, report.after.general, strict=True))
    assert all(before.tokens == after.tokens for before, after in pairs)
    assert any(before.nll != after.nll for before, after in pairs)
    keys = [(item.suite, item.id) for item in report.before.items]
    assert keys == [(item.suite, item.id) for item in report.after.items]
    assert len(keys) == 6 + 3
    assert [facts.name for facts in report.suites] == ["colours", "words"]
    assert report.suites[0].chance == pytest.approx(1 / 3)
    assert report.size == "quick"
    assert "[refund]" in report.boilerplate
    live = view.series["retention.kl"]
    assert live.points(9)[0].mean == 0
    assert live.last > 1e-4


def test_losses_and_kl_are_those_of_transformers(
    trained: Train, probed: tuple[str, ...], tiny_model: Path, general: Path
) -> None:
    """Row by row without padding: the loss of transformers, and a KL in float64."""
    run, _ = trained("strategy.kind=full", *probed)
    report = read_report(run)
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    tuned = AutoModelForCausalLM.from_pretrained(run.model)
    measured = exact = 0.0
    for row, before, after in zip(
        _general_rows(run, general), report.before.general, report.after.general, strict=True
    ):
        ids, labels = torch.tensor([row.input_ids]), torch.tensor([row.labels])
        with torch.no_grad():
            one, other = base(ids, labels=labels), tuned(ids, labels=labels)
        assert before.nll == pytest.approx(float(one.loss), rel=1e-5)
        assert after.nll == pytest.approx(float(other.loss), rel=1e-5)
        learned = labels[0, 1:] != -100
        p, q = (out.logits[0, :-1][learned].double().log_softmax(-1) for out in (one, other))
        assert after.tokens == int(learned.sum())
        assert after.openings == before.openings == 1
        measured += after.tokens * after.kl
        exact += float((p.exp() * (p - q)).sum())
    assert measured == pytest.approx(exact, rel=0.05)


def _general_rows(run: RunFolder, general: Path):
    """Rows in the order of the report: by length, without those that are watched."""
    from transformers import AutoTokenizer

    from workbench.data.rendering import Renderer
    from workbench.data.splitting import load_examples

    evaluation = run.recipe().evaluation
    tokenizer = AutoTokenizer.from_pretrained(run.recipe().model.id)
    rows = Renderer(tokenizer, True, evaluation.text_max_length).render_all(
        load_examples(str(general)).rows
    )
    watched = evaluation.retention_rows
    return sorted(rows[watched:], key=lambda row: len(row.input_ids))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["full", "lora"])
def test_watching_changes_nothing_in_training(
    trained: Train, probed: tuple[str, ...], kind: str
) -> None:
    plain = (f"strategy.kind={kind}", *(("strategy.lora_dropout=0.2",) if kind == "lora" else ()))
    alone, _ = trained(*plain)
    watched, _ = trained(*plain, *probed)
    numbers = ("loss", "gradient_norm", "tokens")
    first, second = (
        [[event[name] for name in numbers] for event in events_of(run, "train")]
        for run in (alone, watched)
    )
    assert first == second
    assert len(first) == 6


def test_retention_and_canaries_are_measured_at_their_intervals(
    trained: Train, probed: tuple[str, ...]
) -> None:
    run, _ = trained(*probed, "training.max_steps=7")
    retention = events_of(run, "retention")
    assert [event["step"] for event in retention] == [0, 2, 4, 6, 7]
    assert all({"kl", "delta_nll", "kl_task"} <= set(event) for event in retention)
    canaries = events_of(run, "canary")
    prompts = run.recipe().evaluation.prompts
    assert [event["step"] for event in canaries] == [step for step in (0, 4) for _ in prompts]
    assert [event["name"] for event in canaries] == [*prompts, *prompts]
    assert {event["value"] for event in canaries[:3]} == set(read_report(run).before.answers)


def test_an_unwatched_run_writes_neither_event(trained: Train) -> None:
    run, _ = trained("evaluation.retention_steps=0")
    assert events_of(run, "retention") == events_of(run, "canary") == []
    assert read_report(run).noise is None


@pytest.mark.dtype
@pytest.mark.slow
def test_the_base_is_measured_once_per_machine(
    trained: Train, probed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = trained("strategy.kind=full", *probed)

    def measured_again(*_: object) -> None:
        pytest.fail("the base was measured twice")

    monkeypatch.setattr(evaluator.Evaluator, "_measure_base", measured_again)
    second, view = trained("strategy.kind=lora", *probed)
    assert view.status.state == "finished", view.status.reason
    assert read_report(second).before == read_report(first).before
    for name in ("results.json", "general.safetensors", "task.safetensors"):
        assert (second.base / name).read_bytes() == (first.base / name).read_bytes()


def test_a_base_with_a_nonfinite_loss_is_refused(
    trained: Train, probed: tuple[str, ...], tiny_model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in tiny_model.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    tensors = load_file(broken / "model.safetensors")
    tensors["model.norm.weight"][0] = torch.nan
    save_file(tensors, broken / "model.safetensors", metadata={"format": "pt"})
    run, view = trained(*probed, f"model.id={broken}")
    assert view.status.state == "failed"
    assert "a loss that is not finite" in view.status.reason
    assert events_of(run, "train") == []


def test_contaminated_probe_items_are_listed(
    trained: Train, probed: tuple[str, ...], tmp_path: Path
) -> None:
    rows = [
        {"question": question, "answer": "Blue."}
        for question in ("which colour has the number 3", "Say 1!", "Something else entirely?")
    ]
    data = tmp_path / "leaky.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    run, _ = trained(
        *probed,
        f"data.train={data}",
        "evaluation.target_field=null",
        "data.heldout=null",
        "training.max_steps=1",
    )
    assert read_report(run).contaminated == ("colours/c3", "words/w1")


@pytest.mark.dtype
@pytest.mark.slow
@pytest.mark.parametrize(
    ("metric", "field", "low"), [("exact", "intent", 0), ("rouge_l", "null", 0.0)]
)
def test_the_target_score_uses_the_recipes_metric(
    trained: Train, metric: str, field: str, low: float
) -> None:
    run, _ = trained(
        f"evaluation.target_metric={metric}",
        f"evaluation.target_field={field}",
        "evaluation.target_max_new_tokens=30",
        "training.max_steps=40",
        "strategy.kind=full",
    )
    report = read_report(run)
    assert {item.metric for item in report.after.target} == {metric}
    labels = {item.label for item in report.after.target}
    assert ("refund" in labels) == (metric == "exact")
    assert low <= report.before.target_score <= 1
    if metric == "rouge_l":
        assert report.after.target_score > report.before.target_score


def test_nll_as_the_metric_answers_no_rows(trained: Train) -> None:
    run, _ = trained("evaluation.target_metric=nll")
    report = read_report(run)
    assert report.before.target == ()
    assert report.before.heldout_nll is not None
