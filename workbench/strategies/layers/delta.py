"""What a result adds to the outputs of its base's modules; imports torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from workbench.strategies.layers.bottleneck import Bottleneck


@dataclass(frozen=True)
class LowRank:
    """LoRA's s·B·A beside a matrix.

    Attributes:
        first: A, ``[rank, inputs]``.
        second: B, ``[outputs, rank]``.
        scale: s, alpha/rank or what stands for it.
    """

    first: Tensor
    second: Tensor
    scale: float

    def add(self, given: Tensor, output: Tensor, strength: float) -> None:
        """Add it to some rows, in place; where number formats differ it is rounded once."""
        narrow = given.reshape(-1, given.shape[-1]).to(self.first.dtype) @ self.first.T
        scale = self.scale * strength
        if output.dtype == self.second.dtype:
            output.view(-1, output.shape[-1]).addmm_(narrow, self.second.T, alpha=scale)
        else:
            output.add_((narrow @ self.second.T).view_as(output), alpha=scale)

    def tensors(self) -> Iterable[Tensor]:
        """What it holds in memory."""
        return (self.first, self.second)


@dataclass(frozen=True)
class Inserted:
    """A bottleneck adapter after a module, or (parallel) beside it; it has no strength."""

    adapter: Bottleneck
    parallel: bool

    def add(self, given: Tensor, output: Tensor, strength: float) -> None:
        """Add it to some rows, in place."""
        del strength
        output.add_(self.adapter(given if self.parallel else output))

    def tensors(self) -> Iterable[Tensor]:
        """What it holds in memory."""
        return self.adapter.parameters()
