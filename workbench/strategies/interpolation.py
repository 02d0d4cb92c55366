"""The straight line from a base to its result, along which a loaded result can be moved."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Module, Parameter

SECOND_FACTOR = ".lora_B."
"""What the names of LoRA's second factors hold: scaling them scales the adapter."""


@dataclass
class Interpolation:
    """A loaded result and the way back to its base.

    Attributes:
        moving: Each tensor that differs, where it starts, and what gives its end.
        at: Where it stands: 0 is the base, 1 the result.
    """

    moving: Sequence[tuple[Parameter, Tensor, Callable[[], Tensor]]]
    at: float = field(default=1.0)

    @classmethod
    def between(
        cls, start: Mapping[str, Parameter], result: Module, folder: Path | None = None
    ) -> Interpolation:
        """Find what moves: LoRA's second factors start at zero, weights at the base's own.

        Args:
            start: The base's tensors by name.
            result: The loaded result.
            folder: Where it was loaded from: the ends of weights are read from there when they
                are needed, instead of being kept in memory.
        """
        import torch

        stored = _stored(folder) if folder else {}
        moving = []
        for name, tensor in result.named_parameters():
            if SECOND_FACTOR in name:
                moving.append((tensor, torch.zeros_like(tensor), _kept(tensor)))
            elif name in start and not torch.equal(start[name], tensor):
                moving.append((tensor, start[name].detach(), stored.get(name) or _kept(tensor)))
        return cls(moving)

    def set_alpha(self, alpha: float) -> None:
        """Set every weight to base + alpha (result - base), rounded once; at 1 bit for bit."""
        import torch

        if alpha == self.at:
            return
        with torch.no_grad():
            for tensor, start, end in self.moving:
                goal = end().to(start.device)
                wide = torch.promote_types(start.dtype, goal.dtype)
                tensor.copy_(start.to(wide).lerp(goal.to(wide), alpha))
        self.at = alpha


def _kept(tensor: Tensor) -> Callable[[], Tensor]:
    copy = tensor.detach().to("cpu", copy=True)
    return lambda: copy


def _stored(folder: Path) -> dict[str, Callable[[], Tensor]]:
    """Every tensor of a result by name, to be read from its file."""
    from safetensors import safe_open

    readers: dict[str, Callable[[], Tensor]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        opened: Any = safe_open(file, framework="pt")
        names = opened.keys()
        readers |= {name: partial(opened.get_tensor, name) for name in names}
    return readers
