"""QLoRA on the CPU: a real 4-bit base that never changes."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import pytest
import torch
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn import Linear4bit

from tests.strategies.cases import logits, setup, strategy_of, take_steps
from workbench.core.errors import BadInputError, MachineError
from workbench.models.describing import read_facts
from workbench.recipe.model import ModelSection
from workbench.recipe.training import TrainingSection

if TYPE_CHECKING:
    from pathlib import Path

_WIDEST_GAP = {"nf4": 1 - 0.6961928, "fp4": 1 - 2 / 3}
"""Between two neighbouring values of the code, relative to the largest number of a block."""


def quantised(model) -> dict[str, Any]:
    return {name: m for name, m in model.named_modules() if isinstance(m, Linear4bit)}


@pytest.mark.parametrize("code", ["nf4", "fp4"])
@pytest.mark.parametrize("double", [True, False])
def test_the_base_is_quantised_to_four_bits(wide_model: Path, code: str, double: bool) -> None:
    case = setup(wide_model, "qlora", bnb_4bit_quant_type=code, bnb_4bit_use_double_quant=double)
    layers = quantised(case.base())
    original = setup(wide_model, "full").base()
    assert len(layers) == 2 * 7
    for name, layer in layers.items():
        weight = original.get_submodule(name).weight.detach()
        assert layer.weight.nbytes == weight.numel() / 2
        assert layer.weight.quant_state.quant_type == code
        assert layer.weight.quant_state.nested is double
        restored = dequantize_4bit(layer.weight.data, layer.weight.quant_state)
        blocks = weight.reshape(-1, 64).abs().amax(dim=1, keepdim=True)
        error = ((restored - weight).reshape(-1, 64).abs() / blocks).max()
        assert 0.1 < error < _WIDEST_GAP[code] / 2 + 0.01


def test_compute_dtype_is_that_of_the_other_weights_by_default(wide_model: Path) -> None:
    auto = setup(wide_model, "qlora").base(dtype=torch.bfloat16)
    told = setup(wide_model, "qlora", bnb_4bit_compute_dtype="float32").base(dtype=torch.bfloat16)
    assert {layer.compute_dtype for layer in quantised(auto).values()} == {torch.bfloat16}
    assert {layer.compute_dtype for layer in quantised(told).values()} == {torch.float32}


def test_training_and_evaluating_leave_the_packed_base_bit_identical(wide_model: Path) -> None:
    case = setup(wide_model, "qlora")
    base = case.base()
    before = logits(base)
    packed = {
        name: (layer.weight.data.clone(), layer.weight.quant_state.absmax.clone())
        for name, layer in quantised(base).items()
    }
    tuned = case.strategy.prepare(base)
    for _ in range(2):
        take_steps(tuned)
        logits(tuned)
    for name, (weight, scales) in packed.items():
        layer = tuned.get_submodule(f"base_model.model.{name}").base_layer
        assert torch.equal(layer.weight.data, weight), name
        assert torch.equal(layer.weight.quant_state.absmax, scales), name
    assert (logits(tuned) - before).abs().max() > 1e-2
    with case.strategy.disabled_adapter(tuned):
        assert torch.equal(logits(tuned), before)


def test_dora_works_on_the_quantised_base(wide_model: Path, tmp_path: Path) -> None:
    case = setup(wide_model, "qlora", use_dora=True, r=4)
    tuned = case.strategy.prepare(case.base())
    take_steps(tuned)
    case.strategy.save(tuned, tmp_path)
    assert torch.equal(logits(case.strategy.load(case.base(), tmp_path)), logits(tuned))


def test_a_machine_without_bitsandbytes_is_refused_before_anything_is_loaded(
    wide_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = read_facts(ModelSection(id=str(wide_model)))
    strategy_of("qlora").check(facts, TrainingSection())
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "workbench.strategies.qlora.find_spec",
        lambda name: None if name == "bitsandbytes" else find(name),
    )
    with pytest.raises(MachineError, match="pip install bitsandbytes"):
        strategy_of("qlora").check(facts, TrainingSection())


def test_rows_that_are_not_whole_blocks_are_refused(tiny_model: Path) -> None:
    facts = read_facts(ModelSection(id=str(tiny_model)))
    with pytest.raises(BadInputError, match="rows of 32 are not a multiple of 64"):
        strategy_of("qlora").check(facts, TrainingSection())
