"""The bottleneck adapter layer and the hook that applies it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import float32, nn
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

_NAME = "bottleneck"


class Bottleneck(nn.Module):
    """``up(activation(down(x)))`` in float32, zero at initialisation (arXiv 1902.00751).

    Attributes:
        enabled: While False, the module it is attached to answers as if it were not there.
    """

    def __init__(self, width: int, inner: int, activation: str) -> None:
        """Initialise ``up`` with zeros and ``down`` with torch's default."""
        super().__init__()
        self.down = nn.Linear(width, inner, dtype=float32)
        self.up = nn.Linear(inner, width, dtype=float32)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)
        self.activation = activation
        self.enabled = True

    def forward(self, hidden: Tensor) -> Tensor:
        """Return what is to be added, in the dtype of ``hidden [..., width]``."""
        activation = getattr(functional, self.activation)
        added: Tensor = self.up(activation(self.down(hidden.to(self.down.weight.dtype))))
        return added.to(hidden.dtype)


def attach(module: nn.Module, adapter: Bottleneck, *, parallel: bool) -> None:
    """Let ``adapter`` add to the output of ``module``, computed from that output or its input.

    The adapter becomes a child of ``module`` and is looked up there, so that a copy of the model
    uses its own.
    """
    module.add_module(_NAME, adapter)
    module.register_forward_hook(_parallel_hook if parallel else _sequential_hook)


def _sequential_hook(module: nn.Module, _inputs: tuple[Tensor, ...], output: Any) -> Any:
    hidden = output[0] if isinstance(output, tuple) else output
    return _add_to_output(module, hidden, output)


def _parallel_hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> Any:
    return _add_to_output(module, inputs[0], output)


def _add_to_output(module: nn.Module, hidden: Tensor, output: Any) -> Any:
    """Add to the output or, where it is a tuple (attention returns its weights too), its first."""
    adapter = module.get_submodule(_NAME)
    if not adapter.enabled:
        return output
    if isinstance(output, tuple):
        return (output[0] + adapter(hidden), *output[1:])
    return output + adapter(hidden)
