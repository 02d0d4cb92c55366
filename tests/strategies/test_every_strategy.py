"""What every strategy must do, through the worker and back."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import torch

from tests.strategies.cases import logits, moving, setup, snapshot, take_steps
from workbench.core.errors import FtwbError
from workbench.evaluation.report import read_report
from workbench.models.describing import read_facts
from workbench.planning.preflight import preflight
from workbench.recipe import yaml_io
from workbench.recipe.model import ModelSection
from workbench.recipe.recipe import STRATEGIES
from workbench.runs.events import EventReader
from workbench.training import worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder

pytestmark = pytest.mark.slow

VARIANTS: dict[str, dict[str, object]] = {
    **{kind: {} for kind in STRATEGIES},
    "freeze": {"layers": 1},
    "lora-dora": {"use_dora": True, "use_rslora": True},
    "lora-pissa": {"init_lora_weights": "pissa", "loraplus_lr_ratio": 4.0},
    "lora-olora": {"init_lora_weights": "olora"},
    "lora-corda": {"init_lora_weights": "corda", "general_rows": 8},
    "qlora-fp4-dora": {
        "bnb_4bit_quant_type": "fp4",
        "use_dora": True,
        "bnb_4bit_use_double_quant": False,
    },
    "bottleneck-houlsby": {"form": "houlsby"},
    "bottleneck-parallel": {"form": "parallel", "non_linearity": "gelu"},
    "prompt_tuning-text": {"prompt_tuning_init": "text"},
    "prefix_tuning-zero": {"prompt_tuning_init": "zero"},
    "p_tuning-text": {"prompt_tuning_init": "text", "encoder_hidden_size": 48},
    "freeze-patterns": {"choose": "patterns", "patterns": ["mlp", "re:norm"]},
    "freeze-ends": {"layers": 0, "embeddings": True, "head": True},
}
"""Every strategy with its defaults (a tiny model has two layers), and options that change much."""
RATES = {"full": 0.005, "freeze": 0.01, "osf": 0.005, "ia3": 0.1}
CONVERTED = {"lora-pissa", "lora-olora", "lora-corda"}
"""Saved as a different product than the live one, so equal only up to rounding."""


@pytest.mark.parametrize("kind", sorted(STRATEGIES))
def test_every_strategy_has_a_preset_of_its_name(kind: str) -> None:
    assert yaml_io.load_file(yaml_io.presets()[kind]).strategy.kind == kind


@pytest.mark.parametrize("kind", sorted(STRATEGIES))
def test_cards_promise_no_safety(kind: str) -> None:
    card = STRATEGIES[kind].card
    text = f"{card.does} {card.costs} {card.forgets}"
    assert min(map(len, (card.does, card.costs, card.forgets))) > 40
    assert not {"safe", "safely", "guarantee", "guaranteed"} & set(text.lower().split())


@pytest.mark.parametrize("variant", VARIANTS)
def test_twenty_steps_saved_and_reloaded(
    variant: str,
    wide_model: Path,
    new_run: Callable[..., RunFolder],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind = variant.partition("-")[0]
    fields = [f"strategy.{name}={value!s}" for name, value in _as_yaml(VARIANTS[variant]).items()]
    run = new_run(
        f"strategy.kind={kind}",
        *fields,
        f"model.id={wide_model}",
        f"training.learning_rate={RATES.get(kind, 0.02)}",
        "training.max_steps=20",
        "training.eval_steps=10",
        "training.save_steps=10",
    )
    preflight(run.recipe())
    seen: dict[str, torch.Tensor] = {}
    save = worker.save_result

    def save_and_look(strategy, model, folder, complete):
        save(strategy, model, folder, complete)
        seen["live"] = logits(model)
        seen["trained"] = torch.tensor(moving(model))

    monkeypatch.setattr(worker, "save_result", save_and_look)
    assert worker.train_run(run) == 0, run.status().reason
    case = setup(wide_model, kind, **VARIANTS[variant])
    assert case.strategy == run.recipe().strategy
    assert int(seen["trained"]) == case.strategy.trainable_parameters(
        read_facts(ModelSection(id=str(wide_model)))
    )
    report = read_report(run)
    assert report.after.heldout_nll < report.before.heldout_nll

    base = case.base()
    before, tensors = logits(base), snapshot(base)
    tuned = case.strategy.load(base, run.model)
    if variant in CONVERTED:
        torch.testing.assert_close(logits(tuned), seen["live"], rtol=0, atol=1e-5)
    else:
        assert torch.equal(logits(tuned), seen["live"])
    assert (seen["live"][:, -before.shape[1] :] - before).abs().max() > 1e-3
    if case.strategy.trains_base_weights:
        with pytest.raises(FtwbError, match="load the base beside it"):
            case.strategy.disabled_adapter(tuned)
    else:
        with case.strategy.disabled_adapter(tuned):
            assert torch.equal(logits(tuned), before)
        _expect_base_in(tuned, tensors)
    early = case.strategy.load(case.base(), run.checkpoints / "step-10")
    assert not torch.equal(logits(early), logits(tuned))


def _expect_base_in(tuned, tensors: dict[str, torch.Tensor]) -> None:
    """Every tensor of the base is in the tuned model, bit for bit."""
    inside = {_plain(name): tensor for name, tensor in tuned.state_dict().items()}
    for name, tensor in tensors.items():
        assert torch.equal(inside[_plain(name)], tensor), name


def _plain(name: str) -> str:
    """A tensor's name without the prefixes and infixes of wrappers."""
    return re.sub(r"^(base_model\.)?(model\.)*", "", name).replace(".base_layer", "")


def _as_yaml(fields: dict[str, object]) -> dict[str, str]:
    return {name: json.dumps(value) for name, value in fields.items()}


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v not in {"full", "lora"}])
def test_frozen_tensors_stay_bit_identical(variant: str, wide_model: Path) -> None:
    case = setup(wide_model, variant.partition("-")[0], **VARIANTS[variant])
    model = case.prepared()
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    before = snapshot(model)
    take_steps(model)
    after = model.state_dict()
    tied = {"lm_head.weight"} if "model.embed_tokens.weight" in trained else set()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed <= trained | tied
    assert len(changed) > len(trained) / 2


def losses(new_run: Callable[..., RunFolder], kind: str, *overrides: str) -> list[float]:
    """The training losses of a short run of a kind."""
    fields = ["strategy.layers=1"] if kind == "freeze" else []
    run = new_run(f"strategy.kind={kind}", *fields, "training.max_steps=4", *overrides)
    assert worker.train_run(run) == 0, run.status().reason
    events = EventReader(run.events).read()
    return [event["loss"] for event in events if event["kind"] == "train"]


@pytest.mark.parametrize("kind", sorted(set(STRATEGIES) - {"prefix_tuning"}))
def test_gradient_checkpointing_changes_nothing_but_memory(
    kind: str, wide_model: Path, new_run: Callable[..., RunFolder]
) -> None:
    model = f"model.id={wide_model}"
    plain = losses(new_run, kind, model)
    thrifty = losses(new_run, kind, model, "training.gradient_checkpointing=true")
    assert thrifty == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("kind", sorted(STRATEGIES))
def test_a_base_in_bfloat16_trains_much_like_one_in_float32(
    kind: str, wide_model: Path, new_run: Callable[..., RunFolder]
) -> None:
    overrides = (f"model.id={wide_model}", "training.precision=bf16")
    half = losses(new_run, kind, *overrides, "model.dtype=bfloat16")
    assert half == pytest.approx(losses(new_run, kind, *overrides, "model.dtype=float32"), rel=0.02)
