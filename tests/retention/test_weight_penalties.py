"""Quadratic penalties on weights and low-rank products, against full matrices."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import AutoModelForCausalLM

from workbench.recipe.recipe import STRATEGIES
from workbench.retention.ewc import EwcProtection
from workbench.retention.penalties.low_rank import LowRankPenalty
from workbench.retention.penalties.step_sizes import StepSizes
from workbench.retention.penalties.weights import WeightPenalty


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)).double()


def fisher_of(model: nn.Module) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return {
        name: torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
        for name, parameter in model.named_parameters()
    }


def move(model: nn.Module, by: float = 0.1) -> None:
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                step = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.add_(by * step.to(parameter.dtype))


def stepped(model: nn.Module, rate: float) -> torch.optim.Optimizer:
    """SGD at this rate, after a step that moved nothing."""
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    optimizer.step()
    return optimizer


@pytest.mark.parametrize("given", [True, False])
def test_the_penalty_and_its_gradient_equal_the_formula(model: nn.Module, given: bool) -> None:
    fisher = fisher_of(model)
    model[1].bias.requires_grad_(False)
    starts = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    guard = WeightPenalty("ewc", 3.0, fisher if given else None)
    guard.attach(model)
    move(model)
    penalty = guard.penalty()
    assert penalty is not None
    penalty.backward()
    expected = 0.0
    for name, parameter in model.named_parameters():
        stiffness = fisher[name] if given else torch.ones_like(parameter)
        change = (parameter - starts[name]).detach()
        if parameter.requires_grad:
            expected += float(1.5 * (stiffness * change.square()).sum())
            assert parameter.grad is not None
            assert torch.allclose(parameter.grad, 3 * stiffness * change)
        else:
            assert parameter.grad is None
    assert float(penalty) == pytest.approx(expected, rel=1e-6)
    logs = guard.logs()
    assert logs["ewc"] == pytest.approx(expected, rel=1e-6)
    assert logs["ewc_kl"] == pytest.approx(expected / 3, rel=1e-6)


def test_the_term_of_the_loss_has_a_limit_that_the_prediction_has_not(model: nn.Module) -> None:
    fisher = fisher_of(model)
    starts = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    guard = WeightPenalty("ewc", 3.0, fisher, limit=0.4)
    guard.attach(model)
    move(model)
    penalty = guard.penalty()
    assert penalty is not None
    penalty.backward()
    limited = whole = 0.0
    for name, parameter in model.named_parameters():
        change = (parameter - starts[name]).detach()
        limited += float((fisher[name].clamp(max=0.4) * change.square()).sum()) / 2
        whole += float((fisher[name] * change.square()).sum()) / 2
        assert parameter.grad is not None
        assert torch.allclose(parameter.grad, 3 * fisher[name].clamp(max=0.4) * change)
    assert whole > 1.2 * limited
    assert guard.logs() == pytest.approx({"ewc": 3 * limited, "ewc_kl": whole}, rel=1e-6)


def test_the_proximal_step_solves_its_minimisation(model: nn.Module) -> None:
    """It is the minimum of (t - theta)² / 2 eta + lambda F (t - theta0)² / 2."""
    fisher = fisher_of(model)
    starts = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    guard = WeightPenalty("ewc", 50.0, fisher, proximal=StepSizes(adaptive=False))
    guard.attach(model)
    move(model)
    moved = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    assert guard.penalty() is None
    guard.after_optimizer_step(stepped(model, 0.02))
    for name, parameter in model.named_parameters():
        slope = (parameter - moved[name]) / 0.02 + 50 * fisher[name] * (parameter - starts[name])
        assert slope.detach().abs().max() < 1e-9
    left = sum(
        float((fisher[n] * (p.detach() - starts[n]).square()).sum()) / 2
        for n, p in model.named_parameters()
    )
    assert guard.logs()["ewc_kl"] == pytest.approx(left, rel=1e-6)


def test_an_infinite_strength_restores_the_base(model: nn.Module) -> None:
    starts = [parameter.detach().clone() for parameter in model.parameters()]
    guard = WeightPenalty("l2sp", 1e12, None, proximal=StepSizes(adaptive=False))
    guard.attach(model)
    move(model)
    guard.after_optimizer_step(stepped(model, 0.1))
    for parameter, start in zip(model.parameters(), starts, strict=True):
        assert torch.allclose(parameter, start, atol=1e-9)


@pytest.mark.parametrize("start", [True, "olora"])
@pytest.mark.parametrize("given", [True, False])
def test_products_are_penalised_as_the_full_matrix_would_be(
    tiny_model: str, start: bool | Literal["olora"], given: bool
) -> None:
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    config = LoraConfig(
        r=4, lora_alpha=12, target_modules=["q_proj", "down_proj"], init_lora_weights=start
    )
    model = get_peft_model(base, config)
    layers = {
        name.removeprefix("base_model.model."): module
        for name, module in model.named_modules()
        if hasattr(module, "lora_A")
    }
    generator = torch.Generator().manual_seed(3)
    fisher = {}
    for name, layer in layers.items():
        fisher[f"{name}.inputs"] = torch.rand(layer.in_features, generator=generator)
        fisher[f"{name}.outputs"] = torch.rand(layer.out_features, generator=generator)
    before = {name: layer.get_delta_weight("default").detach() for name, layer in layers.items()}
    guard = LowRankPenalty("ewc", 2.0, fisher if given else None)
    guard.attach(model)
    assert float(guard.penalty().detach()) == pytest.approx(0, abs=1e-7)
    move(model, 0.3)
    expected = torch.zeros(())
    for name, layer in layers.items():
        change = layer.get_delta_weight("default") - before[name]
        weight = torch.outer(fisher[f"{name}.outputs"], fisher[f"{name}.inputs"])
        expected = expected + ((weight if given else 1) * change.square()).sum()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    penalty = guard.penalty()
    assert penalty is not None
    assert float(penalty.detach()) == pytest.approx(float(expected.detach()), rel=1e-4)
    ours = torch.autograd.grad(penalty, trained)
    theirs = torch.autograd.grad(expected, trained)
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "default"), [("full", "10000"), ("freeze", "10000"), ("lora", "300"), ("qlora", "300")]
)
def test_the_default_strength_of_ewc_is_that_of_the_strategy_and_its_help_says_so(
    kind: str, default: str
) -> None:
    values = {"kind": kind, "layers": 1} if kind == "freeze" else {"kind": kind}
    strategy = STRATEGIES[kind].model_validate(values)
    assert EwcProtection().strength_for(strategy) == float(default)
    assert EwcProtection(strength=7).strength_for(strategy) == 7
    form = "for LoRA and QLoRA" if kind in {"lora", "qlora"} else "for whole weights"
    assert f"{default} {form}" in str(EwcProtection.model_fields["strength"].description)
