"""Every protection through the worker, with full fine-tuning and with LoRA."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.retention.results import distance, events_of
from tests.strategies.cases import SilentReporter
from tests.tiny import make_tiny_model
from workbench.data.splitting import Split
from workbench.evaluation.report import read_report
from workbench.models.loading import load_base
from workbench.recipe.model import ModelSection
from workbench.recipe.recipe import PROTECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

    Train = Callable[..., tuple[RunFolder, RunView]]

pytestmark = pytest.mark.slow

_SETTINGS = {
    "replay": ("retention.replay.max_new_tokens=6",),
    "ewc": ("retention.ewc.strength=10",),
    "l2sp": ("retention.l2sp.strength=1",),
    "kl": ("retention.kl.strength=1", "retention.kl.batch_size=5"),
    "early_stopping": ("retention.early_stopping.patience=2",),
    "budget": ("retention.budget.limit=100", "evaluation.retention_steps=5"),
}
_FIELDS = {"ewc": {"ewc", "ewc_kl"}, "l2sp": {"l2sp", "l2sp_kl"}, "kl": {"kl"}}


def on(kind: str, general: Path) -> list[str]:
    has_source = "source" in PROTECTIONS[kind].model_fields
    source = f"retention.{kind}.source={general}" if has_source else ""
    measured = f"evaluation.general_text={general}" if kind == "budget" else ""
    settings = _SETTINGS.get(kind, (f"retention.{kind}=true",))
    return [*settings, *filter(None, (source, measured))]


@pytest.mark.parametrize("strategy", ["full", "lora"])
@pytest.mark.parametrize("kind", sorted(PROTECTIONS))
def test_twenty_steps(trained: Train, general: Path, kind: str, strategy: str) -> None:
    run, view = trained(f"strategy.kind={strategy}", "training.max_steps=20", *on(kind, general))
    assert view.status.state == "finished", view.status.reason
    report = read_report(run)
    assert report.after.heldout_nll < report.before.heldout_nll
    penalties = events_of(run, "penalty")
    recorded = {key for event in penalties for key in event} - {"t", "step", "kind"}
    assert recorded >= _FIELDS.get(kind, set())
    assert all(name.startswith(kind) for name in recorded)
    if recorded:
        assert [event["step"] for event in penalties] == list(range(1, 21))
    losses = [event["loss_target"] for event in events_of(run, "train")]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_all_at_once(trained: Train, general: Path, strategy: str) -> None:
    every = [setting for kind in PROTECTIONS for setting in on(kind, general)]
    run, view = trained(f"strategy.kind={strategy}", *every)
    assert view.status.state == "finished", view.status.reason
    (last, *_) = reversed(events_of(run, "penalty"))
    assert {"ewc", "ewc_kl", "l2sp", "l2sp_kl", "kl"} <= set(last)
    assert events_of(run, "train")[-1]["replay_share"] == pytest.approx(0.2, abs=0.1)


@pytest.mark.parametrize(
    "strategy", ["freeze", "bottleneck", "prompt_tuning", "prefix_tuning", "osf", "ia3"]
)
def test_kl_and_replay_work_with_every_strategy(
    trained: Train, general: Path, strategy: str
) -> None:
    fields = ["strategy.layers=1"] if strategy == "freeze" else []
    every = [*on("kl", general), *on("replay", general)]
    run, view = trained(f"strategy.kind={strategy}", *fields, *every, "training.max_steps=2")
    assert view.status.state == "finished", view.status.reason
    assert len(events_of(run, "penalty")) == 2


@pytest.mark.parametrize("kind", ["ewc", "l2sp"])
def test_a_quantised_base_can_be_penalised(
    trained: Train, general: Path, tmp_path: Path, kind: str
) -> None:
    wide = make_tiny_model(tmp_path / "wide", width=64)
    run, view = trained(
        f"model.id={wide}", "strategy.kind=qlora", *on(kind, general), "training.max_steps=3"
    )
    assert view.status.state == "finished", view.status.reason
    held = [event[f"{kind}_kl"] for event in events_of(run, "penalty")]
    assert held[0] == 0
    assert held[-1] > 0


@pytest.mark.parametrize("apply", ["loss", "proximal"])
@pytest.mark.parametrize("kind", ["ewc", "l2sp"])
def test_a_strong_penalty_keeps_the_weights(
    trained: Train, general: Path, tiny_model: Path, kind: str, apply: str
) -> None:
    plain, _ = trained("strategy.kind=full")
    held, view = trained(
        "strategy.kind=full",
        f"retention.{kind}.strength=1000000",
        f"retention.{kind}.apply={apply}",
        *on(kind, general)[1:],
    )
    assert view.status.state == "finished", view.status.reason
    assert distance(held, tiny_model) < 0.9 * distance(plain, tiny_model)
    assert view.value("penalty", f"{kind}_kl") >= 0


def test_the_recorded_distance_is_that_of_the_result(trained: Train, tiny_model: Path) -> None:
    run, view = trained(
        "strategy.kind=full", "retention.l2sp.strength=0.5", "retention.l2sp.apply=proximal"
    )
    assert view.value("penalty", "l2sp_kl") == pytest.approx(
        distance(run, tiny_model) / 2, rel=1e-4
    )


def test_penalties_count_once_a_step_however_it_is_accumulated(trained: Train) -> None:
    plain = (
        "strategy.kind=full",
        "training.max_steps=3",
        "training.optim=sgd",
        "retention.l2sp.strength=5",
    )
    _, small = trained(
        *plain, "training.micro_batch_size=3", "training.gradient_accumulation_steps=4"
    )
    _, large = trained(*plain, "training.micro_batch_size=12")
    for name in ("train.loss", "train.gradient_norm", "penalty.l2sp"):
        pairs = zip(small.series[name].points(9), large.series[name].points(9), strict=True)
        for one, other in pairs:
            assert one.mean == pytest.approx(other.mean, rel=1e-4)


def test_the_kl_starts_at_zero(trained: Train, general: Path) -> None:
    for strategy in ("full", "lora"):
        run, _ = trained(f"strategy.kind={strategy}", *on("kl", general))
        first, *others = [event["kl"] for event in events_of(run, "penalty")]
        assert first == pytest.approx(0, abs=1e-6)
        assert max(others) > 1e-5


def test_measurements_of_the_base_are_cached(
    trained: Train, general: Path, own_cache: Path
) -> None:
    for _ in range(2):
        trained("strategy.kind=full", *on("ewc", general))
    trained("strategy.kind=lora", *on("ewc", general))
    names = sorted(path.name.rpartition("-")[0] for path in (own_cache / "retention").glob("f*"))
    assert names == ["fisher-diagonal", "fisher-kronecker"]
    made = [path.stat().st_mtime_ns for path in (own_cache / "retention").glob("f*/made*")]
    trained("strategy.kind=full", *on("ewc", general), "retention.ewc.strength=1")
    again = [path.stat().st_mtime_ns for path in (own_cache / "retention").glob("f*/made*")]
    assert again == made


def test_protections_do_not_disturb_the_random_numbers_of_training(
    trained: Train, general: Path
) -> None:
    _, plain = trained("strategy.lora_dropout=0.1", "training.max_steps=1")
    _, held = trained("strategy.lora_dropout=0.1", "training.max_steps=1", *on("ewc", general))
    assert held.value("train", "loss") == plain.value("train", "loss")


def test_replay_records_what_it_mixed(trained: Train, general: Path) -> None:
    run, view = trained(
        "retention.replay.share=0.5", "retention.replay.answers=dataset", *on("replay", general)
    )
    for event in events_of(run, "train"):
        share, target, replay = event["replay_share"], event["loss_target"], event["loss_replay"]
        assert min(target, replay) <= event["loss"] <= max(target, replay)
    assert share == pytest.approx(0.5, abs=0.02)
    assert any(
        f"replayed: {100 * share:.1f} %" in notice.get("text", "") for notice in view.notices
    )


def scene_of(run: RunFolder, base: Any, tokenizer: Any, dtype: torch.dtype = torch.float32):
    from workbench.data.rendering import Renderer
    from workbench.models.loaded_base import LoadedBase
    from workbench.training.preparation import WorkerBaseContext

    renderer = Renderer(tokenizer, True, 128)
    opened = LoadedBase(run.recipe(), Split((), (), "text", ()), base, tokenizer, renderer, dtype)
    return WorkerBaseContext(opened, torch.zeros(1), cast("Any", SilentReporter()))


def test_the_base_answers_for_itself(trained: Train, general: Path, tiny_model: Path) -> None:
    """Replayed answers are greedy: each token is the most likely one after those before it."""
    from transformers import AutoTokenizer

    run, _ = trained("retention.replay.max_new_tokens=6", *on("replay", general))
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    base = load_base(
        ModelSection(id=str(tiny_model)),
        tiny_model,
        device=torch.device("cpu"),
        dtype=torch.float32,
    )
    context = scene_of(run, base, tokenizer)
    for row in context.self_answered_rows(str(general), 10, 6):
        logits = base(torch.tensor([row.input_ids])).logits[0]
        learned = [place for place, label in enumerate(row.labels) if label >= 0]
        assert 1 <= len(learned) <= 6
        assert learned == list(range(learned[0], len(row.labels)))
        assert [int(logits[place - 1].argmax()) for place in learned] == row.labels[learned[0] :]


def test_prompts_of_the_evaluation_are_not_trained_on(
    trained: Train, general: Path, tiny_model: Path
) -> None:
    run, _ = trained("evaluation.prompts=['What is 3 + 1?']", *on("kl", general))
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    context = scene_of(run, base, tokenizer)
    texts = [tokenizer.decode(row.input_ids) for row in context.general_rows(str(general), 10)]
    assert len(texts) == 9
    assert not any("3 + 1" in text for text in texts)


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_an_unchanged_model_has_no_kl_to_its_base_in_mixed_precision(
    trained: Train, general: Path, strategy: str
) -> None:
    run, view = trained(
        f"strategy.kind={strategy}",
        "training.precision=bf16",
        "training.learning_rate=1e-30",
        "training.optim=sgd",
        "training.max_steps=3",
        *on("kl", general),
    )
    assert view.status.state == "finished", view.status.reason
    assert [event["kl"] for event in events_of(run, "penalty")] == [0.0] * 3


def test_the_base_is_measured_in_the_dtype_of_training(
    trained: Train, general: Path, tiny_model: Path
) -> None:
    from transformers import AutoTokenizer

    run, _ = trained("training.max_steps=1")
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    made = []

    def make(dtype: torch.dtype) -> dict[str, torch.Tensor]:
        made.append(dtype)
        return {"x": torch.ones(1)}

    for dtype in (torch.float32, torch.bfloat16, torch.float32):
        context = scene_of(run, base, tokenizer, dtype)
        (batch,) = context.batches(context.general_rows(str(general), 3), 3)
        assert context.logits(base, batch).dtype == dtype
        context.cached("mark", partial(make, dtype))
    assert made == [torch.float32, torch.bfloat16]


def test_early_stopping_returns_the_best_model(trained: Train) -> None:
    run, view = trained(
        "strategy.kind=full",
        "training.max_steps=60",
        "training.learning_rate=0.2",
        "training.eval_steps=1",
        "training.optim=sgd",
        "training.lr_scheduler_type=constant",
        "training.max_grad_norm=0",
        "training.micro_batch_size=1",
        "retention.early_stopping.patience=4",
    )
    assert view.status.state == "finished", view.status.reason
    losses = [event["loss"] for event in events_of(run, "eval")]
    best = losses.index(min(losses))
    assert len(losses) == best + 1 + 4 < 60
    assert losses[-1] > losses[best]
    assert read_report(run).after.heldout_nll == pytest.approx(losses[best], rel=1e-6)
    assert any("stopping early" in notice.get("text", "") for notice in view.notices)
    assert not list(run.checkpoints.glob("best*"))


def test_patience_ignores_evaluations_made_for_the_budget_only(
    trained: Train, general: Path
) -> None:
    """The loss never falls: after step 0 patience ends with the second due evaluation, step 8."""
    run, view = trained(
        "training.max_steps=20",
        "training.learning_rate=1e-30",
        "training.optim=sgd",
        "training.eval_steps=4",
        "retention.early_stopping.patience=2",
        "evaluation.retention_steps=1",
        "retention.budget=true",
        f"evaluation.general_text={general}",
    )
    assert view.status.state == "finished", view.status.reason
    assert events_of(run, "train")[-1]["step"] == 8
    assert [event["step"] for event in events_of(run, "eval")] == list(range(9))


def test_a_run_without_held_out_rows_fails_before_training(trained: Train) -> None:
    run, view = trained(
        "retention.early_stopping=true",
        "data.heldout=null",
        "data.heldout_share=0.01",
        "evaluation.target_field=null",
    )
    assert view.status.state == "failed"
    assert "no held-out row is left" in view.status.reason
    assert events_of(run, "train") == []
