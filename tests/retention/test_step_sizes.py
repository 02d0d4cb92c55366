"""The step sizes of real optimisers, and where the two forms of a penalty come to rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from transformers.optimization import Adafactor

from workbench.retention.penalties.step_sizes import StepSizes
from workbench.retention.penalties.weights import WeightPenalty

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Make = Callable[..., torch.optim.Optimizer]


class Weights(nn.Module):
    """One tensor of three weights that start at zero."""

    def __init__(self, *, alike: bool = False) -> None:
        super().__init__()
        self.w = nn.Parameter(vector(0, 0, 0))
        self.curvature = vector(1, 1, 1) if alike else vector(1, 4, 0.5)
        self.target = vector(2, -2, 2) if alike else vector(1, -2, 3)
        self.fisher = vector(0.5, 0.5, 0.5) if alike else vector(0.5, 2, 1)

    def task_loss(self) -> Tensor:
        """½ · Σ curvature · (w - target)²."""
        return (self.curvature * (self.w - self.target).square()).sum() / 2

    def minimum(self, strength: float) -> Tensor:
        """Where task loss and penalty together are lowest."""
        return self.curvature * self.target / (self.curvature + strength * self.fisher)


def vector(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


class EightBit(torch.optim.AdamW):
    """AdamW whose second moments cannot be read, as those of bitsandbytes."""

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for state in self.state.values():
            state["exp_avg_sq"] = state.pop("hidden")
        super().step(closure)
        for state in self.state.values():
            state["hidden"] = state.pop("exp_avg_sq")


def at_rest(
    model: Weights,
    strength: float,
    optimizer: Make,
    *,
    proximal: bool,
    steps: int = 1500,
) -> Tensor:
    """The weights after training on the quadratic, at a rate that falls to zero."""
    sizes = StepSizes(adaptive=optimizer is not torch.optim.SGD)
    guard = WeightPenalty(
        "ewc", strength, {"w": model.fisher}, proximal=sizes if proximal else None
    )
    guard.attach(model)
    groups = [{"params": [model.w], "lr": 0.02}]
    training = optimizer(groups, weight_decay=0.0)
    for step in range(steps):
        training.param_groups[0]["lr"] = 0.02 * (1 - step / steps)
        training.zero_grad()
        penalty = guard.penalty()
        loss = model.task_loss() if penalty is None else model.task_loss() + penalty
        loss.backward()
        training.step()
        guard.after_optimizer_step(training)
    return model.w.detach()


@pytest.mark.slow
@pytest.mark.parametrize("strength", [0.1, 3.0, 100.0])
@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.SGD])
def test_both_forms_come_to_rest_at_the_minimum(strength: float, optimizer: Make) -> None:
    minimum = Weights().minimum(strength)
    diverges = optimizer is torch.optim.SGD and strength * 2 * 0.02 > 2  # as a term of the loss
    for proximal in [True] if diverges else [False, True]:
        found = at_rest(Weights(), strength, optimizer, proximal=proximal)
        assert torch.allclose(found, minimum, rtol=0.03, atol=1e-3), (proximal, found, minimum)


@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, EightBit, torch.optim.SGD])
def test_any_strength_is_stable_as_a_proximal_step(
    optimizer: Make,
) -> None:
    found = at_rest(Weights(), 1e9, optimizer, proximal=True, steps=200)
    assert found.abs().max() < 1e-6


def test_without_readable_moments_weights_with_like_gradients_rest_at_the_minimum() -> None:
    found = at_rest(Weights(alike=True), 3.0, EightBit, proximal=True)
    assert torch.allclose(found, Weights(alike=True).minimum(3.0), rtol=0.03)


def test_adamws_sizes_times_its_first_moment_are_its_step() -> None:
    model, sizes = Weights(), StepSizes(adaptive=True)
    optimizer = torch.optim.AdamW([model.w], lr=0.03, betas=(0.9, 0.99), eps=1e-3, weight_decay=0)
    first = torch.zeros(3, dtype=torch.float64)
    for step in range(1, 6):
        before = model.w.detach().clone()
        optimizer.zero_grad()
        model.task_loss().backward()
        optimizer.step()
        assert model.w.grad is not None
        first = 0.9 * first + 0.1 * model.w.grad
        ((weight, size),) = sizes.of(optimizer)
        assert weight is model.w
        assert torch.allclose(before - model.w.detach(), size * first / (1 - 0.9**step))


def test_each_group_has_its_own_rate_and_unmoved_weights_have_none() -> None:
    one, other, frozen = (nn.Parameter(torch.zeros(2)) for _ in range(3))
    groups: list[dict[str, Any]] = [{"params": [one]}, {"params": [other, frozen], "lr": 0.5}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    one.grad, other.grad = torch.ones(2), torch.ones(2)
    optimizer.step()
    assert [size for _, size in StepSizes(adaptive=False).of(optimizer)] == [0.1, 0.5]


def test_factored_moments_are_replaced_by_one_number_for_each_tensor() -> None:
    weight = nn.Parameter(torch.zeros(4, 4))
    optimizer = Adafactor([weight], lr=0.1, scale_parameter=False, relative_step=False)
    weight.grad = 2 * torch.ones(4, 4)
    optimizer.step()
    sizes = StepSizes(adaptive=True)
    ((_, size),) = sizes.of(optimizer)
    assert size == pytest.approx(0.1 / 2)
    # A skipped step leaves the mean as it was, and a resumed one continues it.
    weight.grad = torch.full((4, 4), torch.inf)
    list(sizes.of(optimizer))
    weight.grad = 4 * torch.ones(4, 4)
    resumed = StepSizes(adaptive=True)
    resumed.load_state_dict(sizes.state_dict())
    ((_, size),) = resumed.of(optimizer)
    mean = (0.999 * 0.001 * 4 + 0.001 * 16) / (1 - 0.999**3)
    assert size == pytest.approx(0.1 / mean**0.5, rel=1e-4)
