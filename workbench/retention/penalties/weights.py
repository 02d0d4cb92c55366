"""Quadratic penalties on the distance from the base: lambda/2 · Σ F·(theta - theta₀)²."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd import Function

from workbench.retention.base import Guard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module, Parameter


class QuadraticPenalty(Guard, ABC):
    """The base class of the penalties on weights and on low-rank products.

    Attributes:
        strength: Lambda.
    """

    def __init__(self, name: str, strength: float) -> None:
        """Record the penalty as ``name`` and, divided by lambda, as ``name_kl``."""
        self._name = name
        self.strength = strength
        self._last_half: Tensor | None = None

    @abstractmethod
    def half_squares(self) -> Tensor:
        """½ · Σ F·(theta - theta₀)² with its gradient; the KL it predicts, in nats per token."""

    def penalty(self) -> Tensor | None:
        """Lambda times :meth:`half_squares`."""
        half = self.half_squares()
        self._last_half = half.detach()
        return self.strength * half

    def logs(self) -> dict[str, float]:
        """The penalty of the last step and the KL it predicts."""
        if self._last_half is None:
            return {}
        half = float(self._last_half)
        return {self._name: self.strength * half, f"{self._name}_kl": half}


class WeightPenalty(QuadraticPenalty):
    """Penalises the change of the base's own weights, each by its Fisher information.

    Applied as a term of the loss, or as the proximal step after each step of the optimiser:
    theta ← (theta + eta·lambda·F·theta₀) / (1 + eta·lambda·F), the minimum of
    (t - theta)²/(2·eta) + lambda/2·F·(t - theta₀)² over t, which is stable for any lambda.
    """

    def __init__(
        self, name: str, strength: float, fisher: Mapping[str, Tensor] | None, *, proximal: bool
    ) -> None:
        """Use ``fisher`` by parameter name; None penalises all weights alike, with F = 1."""
        super().__init__(name, strength)
        self._fisher_by_name = fisher
        self._proximal = proximal
        self._weights: list[Parameter] = []
        self._starts: list[Tensor] = []
        self._fisher: list[Tensor | float] = []

    def attach(self, model: Module) -> None:
        """Remember where every trainable weight starts."""
        by_name = self._fisher_by_name
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                self._weights.append(parameter)
                self._starts.append(parameter.detach().clone())
                self._fisher.append(1.0 if by_name is None else by_name[name].to(parameter.device))
        self._fisher_by_name = None  # frees what belongs to frozen weights

    def half_squares(self) -> Tensor:
        """Summed over all trainable weights."""
        half: Tensor = _HalfSquares.apply(self._starts, self._fisher, *self._weights)  # type: ignore[no-untyped-call]
        return half

    def penalty(self) -> Tensor | None:
        """None with the proximal step, which replaces the term of the loss."""
        return None if self._proximal else super().penalty()

    @torch.no_grad()
    def after_optimizer_step(self, learning_rate: float) -> None:
        """Take the proximal step in place."""
        if not self._proximal:
            return
        for weight, start, fisher in zip(self._weights, self._starts, self._fisher, strict=True):
            pull = learning_rate * self.strength * fisher
            weight.copy_((weight + pull * start) / (1 + pull))
        self._last_half = self.half_squares()


class _HalfSquares(Function):
    """½ · Σ F·(theta - theta₀)² with gradient F·(theta - theta₀).

    A custom function, because autograd would keep a temporary of the size of each weight until
    the backward pass.
    """

    @staticmethod
    def forward(
        ctx: Any, starts: Sequence[Tensor], fisher: Sequence[Tensor | float], *weights: Tensor
    ) -> Tensor:
        ctx.starts, ctx.fisher = starts, fisher
        ctx.save_for_backward(*weights)
        sums = [
            ((weight - start).float().square() * f).sum(dtype=torch.float64)
            for weight, start, f in zip(weights, starts, fisher, strict=True)
        ]
        return 0.5 * torch.stack(sums).sum().float()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        weight_gradients = (
            (gradients[0] * f * (weight - start)).to(weight.dtype)
            for weight, start, f in zip(ctx.saved_tensors, ctx.starts, ctx.fisher, strict=True)
        )
        return (None, None, *weight_gradients)
