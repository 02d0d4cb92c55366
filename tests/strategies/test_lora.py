"""LoRA against its formula, and its variants reloaded on the untouched base."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from peft import LoraConfig, get_peft_model
from peft.optimizers import create_loraplus_optimizer
from transformers import AutoModelForCausalLM

from tests.strategies.cases import logits, moving, setup, snapshot, strategy_of, take_steps
from tests.tiny import Architecture, make_tiny_model
from workbench.core.errors import BadInputError, FtwbError
from workbench.models.describing import read_facts
from workbench.models.model_facts import ModelFacts
from workbench.recipe import yaml_io
from workbench.recipe.model import ModelSection
from workbench.recipe.training import TrainingSection

if TYPE_CHECKING:
    from pathlib import Path


def test_rank_8_on_a_4096_matrix_is_a_256th() -> None:
    facts = ModelFacts(
        source="one",
        architecture="One",
        model_type="llama",
        parameters=4096 * 4096,
        layers=1,
        hidden_size=4096,
        vocabulary=1,
        context=1,
        dtype="float32",
        shapes={"model.layers.0.self_attn.q_proj.weight": (4096, 4096)},
    )
    counted = strategy_of("lora", r=8).trainable_parameters(facts)
    assert counted == 65_536
    assert counted / facts.parameters == 0.00390625


@pytest.mark.parametrize("rslora", [False, True])
def test_the_merged_weight_is_w_plus_scaled_ba(tiny_model: Path, rslora: bool) -> None:
    case = setup(
        tiny_model, "lora", r=4, lora_alpha=12, use_rslora=rslora, target_modules=("v_proj",)
    )
    tuned = case.strategy.prepare(case.base())
    take_steps(tuned)
    parts = tuned.base_model.model.model.layers[1].self_attn.v_proj
    a, b = (parts.lora_A["default"].weight.double(), parts.lora_B["default"].weight.double())
    expected = parts.base_layer.weight.double() + 12 / (math.sqrt(4) if rslora else 4) * b @ a
    with torch.no_grad():
        merged = tuned.merge_and_unload().model.layers[1].self_attn.v_proj.weight
    torch.testing.assert_close(merged.double(), expected, rtol=0, atol=1e-7)
    untouched = case.base().model.layers[1].self_attn.v_proj.weight
    assert (merged - untouched).abs().max() > 1e-3


def test_dora_scales_each_output_by_its_learned_norm(tiny_model: Path) -> None:
    case = setup(tiny_model, "lora", r=4, lora_alpha=8, use_dora=True, target_modules=("o_proj",))
    tuned = case.strategy.prepare(case.base())
    take_steps(tuned)
    parts = tuned.base_model.model.model.layers[0].self_attn.o_proj
    a, b = (parts.lora_A["default"].weight, parts.lora_B["default"].weight)
    length = parts.lora_magnitude_vector["default"].weight
    direction = parts.base_layer.weight + 2 * b @ a
    expected = length[:, None] * direction / direction.norm(dim=1, keepdim=True)
    with torch.no_grad():
        merged = tuned.merge_and_unload().model.layers[0].self_attn.o_proj.weight
    torch.testing.assert_close(merged, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("ratio", [1.0, 16.0])
def test_lora_plus_gives_b_its_own_learning_rate(tiny_model: Path, ratio: float) -> None:
    case = setup(tiny_model, "lora", loraplus_lr_ratio=ratio)
    tuned = case.strategy.prepare(case.base())
    groups = case.strategy.parameter_groups(tuned, 1e-3, 0.1)
    if ratio == 1:
        assert groups is None
        return
    reference = create_loraplus_optimizer(
        tuned, torch.optim.AdamW, lr=1e-3, loraplus_lr_ratio=ratio, loraplus_weight_decay=0.1
    )
    rates = {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}
    expected = {
        id(p): (g["lr"], g["weight_decay"]) for g in reference.param_groups for p in g["params"]
    }
    assert rates == expected
    assert {rate for rate, _ in rates.values()} == {1e-3, 1.6e-2}


@pytest.mark.dtype
@pytest.mark.slow
def test_lora_plus_reaches_the_optimiser(trained, tiny_model: Path) -> None:
    frozen = (
        "strategy.init_lora_weights=gaussian",
        "training.max_steps=1",
        "training.warmup_steps=0",
    )
    slow, _ = trained(*frozen)
    fast, _ = trained(*frozen, "strategy.loraplus_lr_ratio=16")

    def b(run) -> torch.Tensor:
        strategy = run.recipe().strategy
        tuned = strategy.load(AutoModelForCausalLM.from_pretrained(tiny_model), run.model)
        return tuned.base_model.model.model.layers[0].mlp.up_proj.lora_B["default"].weight

    torch.testing.assert_close(b(fast), 16 * b(slow), rtol=1e-4, atol=0)
    assert b(slow).abs().max() > 0


@pytest.mark.slow
@pytest.mark.parametrize("rslora", [False, True])
@pytest.mark.parametrize(
    ("architecture", "init"),
    [
        ("llama", "pissa"),
        ("llama", "olora"),
        ("llama", "corda"),
        ("gpt2", "pissa"),
        ("gpt2", "corda"),
        ("gemma3", "olora"),
    ],
)
def test_what_starts_inside_the_base_is_saved_for_the_untouched_base(
    tmp_path: Path, architecture: Architecture, init: str, rslora: bool
) -> None:
    case = setup(
        make_tiny_model(tmp_path / "base", architecture),
        "lora",
        r=4,
        init_lora_weights=init,
        use_rslora=rslora,
    )
    base = case.base()
    before, tensors = logits(base), snapshot(base)
    live = case.prepared(base)
    torch.testing.assert_close(logits(live), before, rtol=0, atol=2e-6)
    changed = [
        name
        for name, tensor in live.state_dict().items()
        if ".base_layer.weight" in name and not torch.equal(tensor, tensors[_plain(name)])
    ]
    assert changed
    take_steps(live)
    case.strategy.save(live, tmp_path / "early")
    trainable = moving(live)
    facts = read_facts(ModelSection(id=str(case.folder)))
    assert trainable == case.strategy.trainable_parameters(facts)
    take_steps(live)
    case.strategy.save(live, tmp_path / "late")
    assert moving(live) == trainable
    after = logits(live)
    assert (after - before).abs().max() > 1e-2
    tuned = case.strategy.load(case.base(), tmp_path / "late")
    torch.testing.assert_close(logits(tuned), after, rtol=0, atol=2e-6)
    with case.strategy.disabled_adapter(tuned):
        assert torch.equal(logits(tuned), before)
    assert not case.strategy.keeps_base
    with pytest.raises(FtwbError, match="no longer contains the base"):
        case.strategy.disabled_adapter(live)


def _plain(name: str) -> str:
    return name.removeprefix("base_model.model.").replace(".base_layer", "")


def test_pissa_starts_from_the_largest_singular_values(tiny_model: Path) -> None:
    case = setup(tiny_model, "lora", r=4, init_lora_weights="pissa", target_modules=("q_proj",))
    base = case.base()
    weight = base.model.layers[0].self_attn.q_proj.weight.detach().double().clone()
    parts = case.strategy.prepare(base).base_model.model.model.layers[0].self_attn.q_proj
    start = parts.scaling["default"] * (
        parts.lora_B["default"].weight.double() @ parts.lora_A["default"].weight.double()
    )
    singular = torch.linalg.svdvals(weight)
    best = singular[4:].square().sum().sqrt()
    left = torch.linalg.norm(weight - start)
    assert best < left < 1.01 * best
    assert torch.linalg.matrix_rank(start) == 4


def test_variants_reach_peft(tiny_model: Path) -> None:
    case = setup(
        tiny_model,
        "lora",
        init_lora_weights="gaussian",
        use_dora=True,
        use_rslora=True,
        lora_dropout=0.25,
    )
    config = case.strategy.prepare(case.base()).peft_config["default"]
    assert isinstance(config, LoraConfig)
    assert (config.init_lora_weights, config.use_dora, config.use_rslora) == (
        "gaussian",
        True,
        True,
    )
    assert config.lora_dropout == 0.25


def test_targets_may_be_a_regular_expression(tiny_model: Path) -> None:
    case = setup(tiny_model, "lora", r=2, target_modules=(r"re:layers\.1\..*(up|down)_proj$",))
    tuned = case.strategy.prepare(case.base())
    reached = {name.split(".lora_A")[0] for name, p in tuned.named_parameters() if "lora_A" in name}
    assert {name.partition("layers.")[2] for name in reached} == {
        "1.mlp.up_proj",
        "1.mlp.down_proj",
    }
    facts = read_facts(ModelSection(id=str(tiny_model)))
    assert case.strategy.trainable_parameters(facts) == moving(tuned) == 2 * 2 * (32 + 64)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ({"r": 0}, "strategy.r: must be at least 1, got 0"),
        (
            {"target_modules": ["re:("]},
            "strategy.target_modules: 're:(' is not a regular expression",
        ),
        (
            {"init_lora_weights": "pissa", "use_dora": True},
            "cannot be saved as an adapter for the untouched base",
        ),
        ({"init_lora_weights": "loftq"}, "strategy.init_lora_weights: must be one of"),
        (
            {"init_lora_weights": "corda", "use_dora": True},
            "cannot be saved as an adapter for the untouched base",
        ),
        (
            {"kind": "qlora", "init_lora_weights": "corda"},
            "must be one of 'default' or 'gaussian'",
        ),
        ({"loraplus_lr_ratio": 0.5}, "strategy.loraplus_lr_ratio: must be at least 1"),
    ],
)
def test_impossible_fields_are_refused_by_the_recipe(strategy, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        yaml_io.validate({"strategy": {"kind": "lora", **strategy}})
    assert message in str(caught.value)


@pytest.mark.parametrize("targets", [("q_proj", "query"), ("re:layers\\.7",), ()])
def test_targets_that_match_nothing_name_what_exists(tiny_model: Path, targets) -> None:
    facts = read_facts(ModelSection(id=str(tiny_model)))
    with pytest.raises(BadInputError, match="the model has: down_proj, gate_proj, k_proj, o_proj"):
        strategy_of("lora", target_modules=targets).check(facts, TrainingSection())


@pytest.mark.parametrize("init", ["pissa", "olora", "corda"])
def test_a_rank_larger_than_a_matrix_is_refused(tiny_model: Path, init: str) -> None:
    facts = read_facts(ModelSection(id=str(tiny_model)))
    strategy = strategy_of("lora", init_lora_weights=init, r=17)
    with pytest.raises(
        BadInputError, match=r"strategy\.r: init_lora_weights .*k_proj has 16; lower the rank"
    ):
        strategy.check(facts, TrainingSection())
    strategy.model_copy(update={"r": 16}).check(facts, TrainingSection())
    strategy_of("lora", r=17).check(facts, TrainingSection())


def test_olora_is_refused_where_matrices_are_transposed(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path, "gpt2")
    facts = read_facts(ModelSection(id=str(folder)))
    with pytest.raises(
        BadInputError, match=r"strategy\.init_lora_weights: olora does not work on gpt2"
    ):
        strategy_of("lora", init_lora_weights="olora").check(facts, TrainingSection())
    model = AutoModelForCausalLM.from_pretrained(folder)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        get_peft_model(model, LoraConfig(init_lora_weights="olora", target_modules=["c_attn"]))(
            torch.arange(4)[None]
        )
