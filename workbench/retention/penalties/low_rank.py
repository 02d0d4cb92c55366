"""The quadratic penalty for LoRA, computed without ever forming the full matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from workbench.retention.penalties.weights import QuadraticPenalty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor
    from torch.nn import Module, Parameter

_PEFT_PREFIX = "base_model.model."


class LowRankPenalty(QuadraticPenalty):
    """Penalises what LoRA adds to each matrix, s·B·A, by a Kronecker-factored Fisher diagonal.

    With F_ij = g_i·a_j, where g belongs to the outputs and a to the inputs of the matrix,

        Σ F_ij·(s·B·A)_ij² = s²·tr((Bᵀ·diag(g)·B)·(A·diag(a)·Aᵀ)),

    which takes products of r by r matrices only. An adapter that does not start at zero (PiSSA,
    OLoRA) is penalised for B·A - B₀·A₀, a product of rank 2r.
    """

    def __init__(self, name: str, strength: float, fisher: Mapping[str, Tensor] | None) -> None:
        """Use the factors ``MODULE.inputs`` and ``MODULE.outputs``; None uses ones."""
        super().__init__(name, strength)
        self._fisher = fisher
        self._products: list[_Product] = []

    def attach(self, model: Module) -> None:
        """Find every adapter and remember where it starts."""
        from peft.tuners.lora import LoraLayer

        self._products = [
            _product(layer, name.removeprefix(_PEFT_PREFIX), self._fisher)
            for name, layer in model.named_modules()
            if isinstance(layer, LoraLayer)
        ]

    def half_squares(self) -> Tensor:
        """Summed over all adapters."""
        return 0.5 * torch.stack([product.weighted_squares() for product in self._products]).sum()


class _Product:
    """One adapter, s·B·A, and the Fisher factors of its matrix.

    A is ``[r, inputs]``, B ``[outputs, r]``, the factors ``[inputs]`` and ``[outputs]``.
    """

    def __init__(
        self, a: Parameter, b: Parameter, scaling: float, inputs: Tensor, outputs: Tensor
    ) -> None:
        self._a, self._b, self._scaling = a, b, scaling
        self._inputs, self._outputs = inputs, outputs
        starts_at_zero = not b.detach().any()
        self._start = None if starts_at_zero else (a.detach().clone(), b.detach().clone())

    def weighted_squares(self) -> Tensor:
        """Σ F·(s·(B·A - B₀·A₀))², float32."""
        a, b = self._a.float(), self._b.float()
        if self._start is not None:
            # B·A - B₀·A₀ is the product of [B, -B₀] and A on top of A₀.
            a = torch.cat([a, self._start[0].float()])
            b = torch.cat([b, -self._start[1].float()], dim=1)
        left = (b.T * self._outputs) @ b
        right = (a * self._inputs) @ a.T
        return self._scaling**2 * (left * right).sum()  # both symmetric: tr(left·right)


def _product(layer: Any, name: str, fisher: Mapping[str, Tensor] | None) -> _Product:
    (adapter,) = layer.active_adapters
    a, b = layer.lora_A[adapter].weight, layer.lora_B[adapter].weight
    if fisher is None:
        inputs, outputs = torch.ones_like(a[0]), torch.ones_like(b[:, 0])
    else:
        inputs, outputs = (
            fisher[f"{name}.inputs"].to(a.device),
            fisher[f"{name}.outputs"].to(b.device),
        )
    return _Product(a, b, layer.scaling[adapter], inputs, outputs)
