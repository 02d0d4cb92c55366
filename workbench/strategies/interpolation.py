"""Moving a loaded result along the straight line from its base: base + alpha (result - base)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor
    from torch.nn import Module, Parameter

LORA_B = ".lora_B."
"""Part of the names of LoRA's second factors: scaling those scales the adapter."""


class Segment(NamedTuple):
    """One tensor of the result that differs from the base.

    Attributes:
        tensor: The live tensor, somewhere between start and end.
        start: Its value in the base.
        load_end: Returns its value in the result.
    """

    tensor: Parameter
    start: Tensor
    load_end: Callable[[], Tensor]


@dataclass
class Interpolation:
    """A loaded result whose strength can be changed in place.

    Attributes:
        segments: The tensors that differ.
        alpha: The current strength: 0 is the base, 1 the result.
    """

    segments: Sequence[Segment]
    alpha: float = field(default=1.0)

    @classmethod
    def between(
        cls, start: Mapping[str, Parameter], result: Module, folder: Path | None = None
    ) -> Interpolation:
        """Find the tensors that differ: LoRA's B starts at zero, weights at the base's own.

        Args:
            start: The base's tensors by name.
            result: The loaded result.
            folder: Where it was loaded from: the end values of weights are read from there when
                they are needed, instead of being kept in memory.
        """
        import torch

        on_disk = _readers(folder) if folder else {}
        segments = []
        for name, tensor in result.named_parameters():
            if LORA_B in name:
                segments.append(Segment(tensor, torch.zeros_like(tensor), _copy_of(tensor)))
            elif name in start and not torch.equal(start[name], tensor):
                load_end = on_disk.get(name) or _copy_of(tensor)
                segments.append(Segment(tensor, start[name].detach(), load_end))
        return cls(segments)

    def set_alpha(self, alpha: float) -> None:
        """Set every tensor to base + alpha (result - base), rounded once; exact at alpha 0 and 1.

        Computed in the wider dtype of base and result.
        """
        import torch

        if alpha == self.alpha:
            return
        with torch.no_grad():
            for tensor, start, load_end in self.segments:
                end = load_end().to(start.device)
                wide = torch.promote_types(start.dtype, end.dtype)
                tensor.copy_(start.to(wide).lerp(end.to(wide), alpha))
        self.alpha = alpha


def _copy_of(tensor: Tensor) -> Callable[[], Tensor]:
    copy = tensor.detach().to("cpu", copy=True)
    return lambda: copy


def _readers(folder: Path) -> dict[str, Callable[[], Tensor]]:
    """A function for every tensor of a result that reads it from its file."""
    from safetensors import safe_open

    readers: dict[str, Callable[[], Tensor]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        stream: Any = safe_open(file, framework="pt")
        names = stream.keys()
        readers |= {name: partial(stream.get_tensor, name) for name in names}
    return readers
