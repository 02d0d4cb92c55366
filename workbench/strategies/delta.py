"""What a result adds to the outputs of its base's modules, so that both can share a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from workbench.strategies.layers.bottleneck import Bottleneck


class ModuleDelta(Protocol):
    """What a result adds to the output of one module of its base."""

    def add(self, module_input: Tensor, output: Tensor, strength: float) -> None:
        """Add it in place to some rows of a module's output.

        Args:
            module_input: The input of the module for these rows, ``[…, inputs]``.
            output: What the module computed from it, ``[…, outputs]``.
            strength: 0 adds nothing, 1 everything; ignored by deltas that cannot be scaled.
        """

    def tensors(self) -> Iterable[Tensor]:
        """The tensors it keeps in memory."""


@dataclass(frozen=True)
class LowRankDelta:
    """LoRA's s·B·A next to a matrix (arXiv 2106.09685, section 4.1).

    Attributes:
        lora_a: A, ``[rank, inputs]``.
        lora_b: B, ``[outputs, rank]``.
        scaling: s: alpha / rank, or alpha / sqrt(rank) with rsLoRA.
    """

    lora_a: Tensor
    lora_b: Tensor
    scaling: float

    def add(self, module_input: Tensor, output: Tensor, strength: float) -> None:
        """Add strength·s·B·A·x in place, rounded once where the dtypes differ."""
        # x Aᵀ: [rows · length, rank]
        projected = module_input.reshape(-1, module_input.shape[-1]).to(self.lora_a.dtype)
        projected = projected @ self.lora_a.T
        scaling = self.scaling * strength
        if output.dtype == self.lora_b.dtype:
            output.view(-1, output.shape[-1]).addmm_(projected, self.lora_b.T, alpha=scaling)
        else:
            output.add_((projected @ self.lora_b.T).view_as(output), alpha=scaling)

    def tensors(self) -> Iterable[Tensor]:
        """Both matrices."""
        return (self.lora_a, self.lora_b)


@dataclass(frozen=True)
class BottleneckDelta:
    """A bottleneck adapter after a module or, if ``parallel``, beside it; it cannot be scaled."""

    adapter: Bottleneck
    parallel: bool

    def add(self, module_input: Tensor, output: Tensor, strength: float) -> None:
        """Add the adapter's output in place."""
        del strength
        output.add_(self.adapter(module_input if self.parallel else output))

    def tensors(self) -> Iterable[Tensor]:
        """The adapter's parameters."""
        return self.adapter.parameters()
