"""The parameters that a strategy counts from facts are those it trains, on every architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

from tests.strategies.cases import strategy_of
from tests.tiny import Architecture, make_tiny_model
from workbench.models import smollm2
from workbench.models.describing import read_facts
from workbench.recipe.model import ModelSection

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = ("all-linear", "attention", "mlp")
NAMES = {
    "llama": ("q_proj", "down_proj"),
    "gpt2": ("c_attn",),
    "qwen3": ("k_proj", "v_proj"),
    "gemma3": ("o_proj", "gate_proj"),
}


@pytest.fixture(scope="module", params=get_args(Architecture))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("counts") / request.param, request.param)


def trained(kind: str, folder: Path, **fields: object) -> tuple[int, int]:
    """Parameters counted from facts, and parameters that require a gradient once prepared."""
    from transformers import AutoModelForCausalLM

    strategy = strategy_of(kind, **fields)
    prepared = strategy.prepare(AutoModelForCausalLM.from_pretrained(folder))
    moving = sum(p.numel() for p in prepared.parameters() if p.requires_grad)
    return strategy.trainable_parameters(read_facts(ModelSection(id=str(folder)))), moving


def test_full_counts_every_parameter(model: Path) -> None:
    counted, moving = trained("full", model)
    assert counted == moving > 10_000


@pytest.mark.parametrize("targets", TARGETS)
def test_lora_counts_its_adapters(model: Path, targets: str) -> None:
    counted, moving = trained("lora", model, target_modules=targets, r=4)
    assert counted == moving > 0


def test_lora_counts_named_targets(model: Path) -> None:
    some, moving = trained("lora", model, target_modules=NAMES[model.name], r=4)
    everything, _ = trained("lora", model, target_modules="all-linear", r=4)
    assert some == moving
    assert 0 < some < everything


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("lora", {"use_dora": True}),
        ("lora", {"init_lora_weights": "pissa"}),
        ("qlora", {"use_dora": True}),
        ("bottleneck", {}),
        ("bottleneck", {"form": "houlsby", "reduction_factor": 3}),
        ("bottleneck", {"form": "parallel"}),
        ("prompt_tuning", {}),
        ("prefix_tuning", {"prompt_tuning_init": "zero"}),
        ("p_tuning", {"encoder_hidden_size": 40}),
        ("freeze", {"layers": 1}),
        ("freeze", {"choose": "patterns", "patterns": ("mlp",)}),
        ("freeze", {"layers": 0, "embeddings": True, "head": True}),
        ("osf", {}),
        ("ia3", {}),
    ],
    ids=str,
)
def test_every_strategy_counts_what_it_trains(
    model: Path, kind: str, fields: dict[str, object]
) -> None:
    if (model.name, kind) == ("gpt2", "osf"):
        pytest.skip("OSF refuses GPT-2")
    counted, moving = trained(kind, model, **fields)
    assert counted == moving > 0


def test_the_demo_model_has_its_published_size() -> None:
    facts = smollm2.facts("demo")
    assert facts.parameters == 134_515_008
    assert len(facts.shapes) == 272


@pytest.mark.parametrize(
    ("targets", "expected"), [(("q_proj", "v_proj"), 460_800), ("all-linear", 2_442_240)]
)
def test_lora_of_rank_8_on_the_demo_model(targets: object, expected: int) -> None:
    lora = strategy_of("lora", r=8, target_modules=targets)
    assert lora.trainable_parameters(smollm2.facts("demo")) == expected
