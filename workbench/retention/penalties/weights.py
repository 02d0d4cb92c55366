"""Springs that pull weights back to the base: half of lambda times F times the squared change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd import Function

from workbench.retention.base import Guard

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module, Parameter

_PEFT_PREFIX = "base_model.model."


class Anchor(Guard, ABC):
    """What the two kinds of springs share: the strength and the numbers.

    Attributes:
        strength: Lambda, in nats per token for every nat that the spring measures.
    """

    def __init__(self, name: str, strength: float) -> None:
        """Record the penalty as ``name`` and what it measures, over lambda, as ``name_kl``."""
        self._name = name
        self.strength = strength
        self._measured: Tensor | None = None

    @abstractmethod
    def half_squares(self) -> Tensor:
        """Half the sum of F times the squared change, with its gradient: nats per token."""

    def penalty(self) -> Tensor | None:
        """Lambda times that."""
        half = self.half_squares()
        self._measured = half.detach()
        return self.strength * half

    def numbers(self) -> dict[str, float]:
        """The penalty of the last step and what it measures."""
        if self._measured is None:
            return {}
        measured = float(self._measured)
        return {self._name: self.strength * measured, f"{self._name}_kl": measured}


class WeightAnchor(Anchor):
    """Holds the base's own weights, each by its Fisher information.

    As a loss term, or as the proximal step (theta + eta lambda F theta0) / (1 + eta lambda F) that
    is stable for any lambda.
    """

    def __init__(
        self, name: str, strength: float, fisher: Mapping[str, Tensor] | None, *, proximal: bool
    ) -> None:
        """Hold with ``fisher`` by parameter name, or all weights alike when it is None."""
        super().__init__(name, strength)
        self._fisher = fisher
        self._proximal = proximal
        self._weights: list[Parameter] = []
        self._starts: list[Tensor] = []
        self._stiffness: list[Tensor | float] = []

    def attach(self, model: Module) -> None:
        """Remember where every trainable weight starts."""
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                self._weights.append(parameter)
                self._starts.append(parameter.detach().clone())
                self._stiffness.append(
                    1.0 if self._fisher is None else self._fisher[name].to(parameter.device)
                )
        self._fisher = None

    def half_squares(self) -> Tensor:
        """Over all trainable weights."""
        half: Tensor = _HalfSquares.apply(self._starts, self._stiffness, *self._weights)  # type: ignore[no-untyped-call]
        return half

    def penalty(self) -> Tensor | None:
        """Nothing where the proximal step does the work."""
        return None if self._proximal else super().penalty()

    @torch.no_grad()
    def after_step(self, learning_rate: float) -> None:
        """Take the proximal step in place."""
        if not self._proximal:
            return
        for weight, start, stiffness in self._held():
            pull = learning_rate * self.strength * stiffness
            weight.copy_((weight + pull * start) / (1 + pull))
        self._measured = self.half_squares()

    def _held(self) -> Iterator[tuple[Parameter, Tensor, Tensor | float]]:
        return zip(self._weights, self._starts, self._stiffness, strict=True)


class LowRankAnchor(Anchor):
    """Holds what LoRA adds to each matrix, s·B·A, without ever forming it.

    With F_ij = g_i a_j the sum of F times the squared entries is
    s² tr((Bᵀ diag(g) B)(A diag(a) Aᵀ)): products of r by r matrices only. An adapter that does not
    start at zero (PiSSA, OLoRA) is held by its difference from its start, of rank 2r.
    """

    def __init__(self, name: str, strength: float, fisher: Mapping[str, Tensor] | None) -> None:
        """Hold with Kronecker factors ``NAME.inputs`` and ``NAME.outputs``, or all alike."""
        super().__init__(name, strength)
        self._fisher = fisher
        self._held: list[_Product] = []

    def attach(self, model: Module) -> None:
        """Find every adapter."""
        from peft.tuners.lora import LoraLayer

        self._held = [
            self._product(name.removeprefix(_PEFT_PREFIX), module)
            for name, module in model.named_modules()
            if isinstance(module, LoraLayer)
        ]

    def half_squares(self) -> Tensor:
        """Over all adapters."""
        return 0.5 * torch.stack([product.squares() for product in self._held]).sum()

    def _product(self, name: str, layer: Any) -> _Product:
        (adapter,) = layer.active_adapters
        down, up = layer.lora_A[adapter].weight, layer.lora_B[adapter].weight
        if self._fisher is None:
            inputs, outputs = torch.ones_like(down[0]), torch.ones_like(up[:, 0])
        else:
            inputs = self._fisher[f"{name}.inputs"].to(down.device)
            outputs = self._fisher[f"{name}.outputs"].to(up.device)
        return _Product(down, up, layer.scaling[adapter], inputs, outputs)


class _Product:
    """One adapter: A ``[r, inputs]``, B ``[outputs, r]``, and the weight of each side."""

    def __init__(
        self, down: Parameter, up: Parameter, scale: float, inputs: Tensor, outputs: Tensor
    ) -> None:
        self._down, self._up, self._scale = down, up, scale
        self._inputs, self._outputs = inputs, outputs
        moved = bool(up.detach().any())
        self._start = (down.detach().clone(), -up.detach().clone()) if moved else None

    def squares(self) -> Tensor:
        """Sum of F times the squared entries of s·(B·A - B0·A0)."""
        down, up = self._down.float(), self._up.float()
        if self._start is not None:
            down = torch.cat([down, self._start[0].float()])
            up = torch.cat([up, self._start[1].float()], dim=1)
        left = (up.T * self._outputs) @ up
        right = (down * self._inputs) @ down.T
        return self._scale**2 * (left * right).sum()


class _HalfSquares(Function):
    """Half the sum of F (theta - theta0)²; keeps no temporaries for the backward pass."""

    @staticmethod
    def forward(
        ctx: Any, starts: Sequence[Tensor], stiffness: Sequence[Tensor | float], *weights: Tensor
    ) -> Tensor:
        ctx.starts, ctx.stiffness = starts, stiffness
        ctx.save_for_backward(*weights)
        sums = [
            ((weight - start).float().square() * stiff).sum(dtype=torch.float64)
            for weight, start, stiff in zip(weights, starts, stiffness, strict=True)
        ]
        return 0.5 * torch.stack(sums).sum().float()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        pulls = [
            gradients[0] * stiff * (weight - start)
            for weight, start, stiff in zip(
                ctx.saved_tensors, ctx.starts, ctx.stiffness, strict=True
            )
        ]
        return (
            None,
            None,
            *(pull.to(weight.dtype) for pull, weight in zip(pulls, ctx.saved_tensors, strict=True)),
        )
