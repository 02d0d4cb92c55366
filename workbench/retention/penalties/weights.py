"""Quadratic penalties on the distance from the base: lambda/2 · Σ F·(theta - theta₀)²."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd import Function

from workbench.retention.base import Guard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module, Parameter
    from torch.optim import Optimizer

    from workbench.retention.penalties.step_sizes import StepSizes


class QuadraticPenalty(Guard, ABC):
    """The base class of the penalties on weights and on low-rank products.

    Attributes:
        strength: Lambda.
    """

    def __init__(self, name: str, strength: float) -> None:
        """Record the penalty as ``name`` and, divided by lambda, as ``name_kl``."""
        self._name = name
        self.strength = strength
        self._last: tuple[Tensor, Tensor] | None = None

    @abstractmethod
    def half_squares(self) -> Tensor:
        """½ · Σ F·(theta - theta₀)² with its gradient; the KL it predicts, in nats per token."""

    def penalty(self) -> Tensor | None:
        """Lambda times :meth:`half_squares`."""
        half = self.half_squares()
        return self._recorded(half, half)

    def logs(self) -> dict[str, float]:
        """The penalty of the last step and the KL that is predicted."""
        if self._last is None:
            return {}
        penalty, predicted = map(float, self._last)
        return {self._name: penalty, f"{self._name}_kl": predicted}

    def _recorded(self, half: Tensor, predicted: Tensor) -> Tensor:
        """Lambda times ``half``; both numbers are kept for the log."""
        penalty = self.strength * half
        self._last = penalty.detach(), predicted.detach()
        return penalty


class WeightPenalty(QuadraticPenalty):
    """Penalises the change of the base's own weights, each by its Fisher information.

    Applied as a term of the loss, or as the proximal step after each step of the optimiser:
    theta ← (theta + eta·lambda·F·theta₀) / (1 + eta·lambda·F), the minimum of
    (t - theta)²/(2·eta) + lambda/2·F·(t - theta₀)² over t, which is stable for any lambda. The
    step size eta is that of each weight (see :class:`StepSizes`), so that both forms come to rest
    at the same weights. The term of the loss counts no F above a limit; the KL that is predicted,
    and the proximal step, take F as it is.
    """

    def __init__(
        self,
        name: str,
        strength: float,
        fisher: Mapping[str, Tensor] | None,
        proximal: StepSizes | None = None,
        limit: float = math.inf,
    ) -> None:
        """Penalise weights in one of the two forms.

        Args:
            name: Of the numbers in the event log.
            strength: Lambda.
            fisher: By parameter name; None penalises all weights alike, with F = 1.
            proximal: Step sizes of the optimiser, for the proximal step; None for the term of the
                loss.
            limit: Most that an entry of ``fisher`` counts in the term of the loss.
        """
        super().__init__(name, strength)
        self._fisher_by_name = fisher
        self._proximal = proximal
        self._limit = limit
        self._weights: list[Parameter] = []
        self._starts: list[Tensor] = []
        self._fisher: list[Tensor] = []

    def attach(self, model: Module) -> None:
        """Remember where every trainable weight starts."""
        by_name = self._fisher_by_name
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                self._weights.append(parameter)
                self._starts.append(parameter.detach().clone())
                fisher = torch.ones(()) if by_name is None else by_name[name]
                self._fisher.append(fisher.to(parameter.device))
        self._fisher_by_name = None  # frees what belongs to frozen weights

    def half_squares(self) -> Tensor:
        """Summed over all trainable weights."""
        return self._limited_and_whole(math.inf)[0]

    def penalty(self) -> Tensor | None:
        """None with the proximal step, which replaces the term of the loss."""
        return None if self._proximal else self._recorded(*self._limited_and_whole(self._limit))

    @torch.no_grad()
    def after_optimizer_step(self, optimizer: Optimizer) -> None:
        """Take the proximal step in place."""
        if self._proximal is None:
            return
        anchors = dict(
            zip(self._weights, zip(self._starts, self._fisher, strict=True), strict=True)
        )
        for weight, size in self._proximal.of(optimizer):
            start, fisher = anchors[weight]
            pull = size * self.strength * fisher
            weight.copy_((weight + pull * start) / (1 + pull))
        half = self.half_squares()
        self._recorded(half, half)

    def _limited_and_whole(self, limit: float) -> tuple[Tensor, Tensor]:
        halves: tuple[Tensor, Tensor] = _HalfSquares.apply(  # type: ignore[no-untyped-call]
            self._starts, self._fisher, limit, *self._weights
        )
        return halves

    def state_dict(self) -> dict[str, Any]:
        """What the proximal step remembers of earlier steps."""
        return {} if self._proximal is None else self._proximal.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue the step sizes."""
        if self._proximal is not None:
            self._proximal.load_state_dict(state)


class _HalfSquares(Function):
    """½ · Σ F·(theta - theta₀)², with F up to a limit, which has a gradient, and with all of F.

    A custom function, because autograd would keep a temporary of the size of each weight until
    the backward pass.
    """

    @staticmethod
    def forward(
        ctx: Any,
        starts: Sequence[Tensor],
        fisher: Sequence[Tensor],
        limit: float,
        *weights: Tensor,
    ) -> tuple[Tensor, Tensor]:
        ctx.starts, ctx.fisher, ctx.limit = starts, fisher, limit
        ctx.save_for_backward(*weights)
        limited, whole = [], []
        for weight, start, f in zip(weights, starts, fisher, strict=True):
            squares = (weight - start).float().square()
            whole.append((squares * f).sum(dtype=torch.float64))
            limited.append((squares * f.clamp(max=limit)).sum(dtype=torch.float64))
        half_limited, half_whole = (
            0.5 * torch.stack(sums).sum().float() for sums in (limited, whole)
        )
        ctx.mark_non_differentiable(half_whole)
        return half_limited, half_whole

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        weight_gradients = (
            (gradients[0] * f.clamp(max=ctx.limit) * (weight - start)).to(weight.dtype)
            for weight, start, f in zip(ctx.saved_tensors, ctx.starts, ctx.fisher, strict=True)
        )
        return (None, None, None, *weight_gradients)
