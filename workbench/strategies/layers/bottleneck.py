"""The layers of a bottleneck adapter; imports torch, so only strategies at work import it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import float32, nn
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

_NAME = "bottleneck"


class Bottleneck(nn.Module):
    """``up(activation(down(x)))`` in float32, zero at the start.

    Attributes:
        enabled: Off, the module that it belongs to answers as if there was none.
    """

    def __init__(self, width: int, inner: int, activation: str) -> None:
        """Start ``up`` at zero and ``down`` as torch does."""
        super().__init__()
        self.down = nn.Linear(width, inner, dtype=float32)
        self.up = nn.Linear(inner, width, dtype=float32)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)
        self.activation = activation
        self.enabled = True

    def forward(self, hidden: Tensor) -> Tensor:
        """What is to be added, in the dtype of ``hidden [..., width]``."""
        activation = getattr(functional, self.activation)
        delta_kind: Tensor = self.up(activation(self.down(hidden.to(self.down.weight.dtype))))
        return delta_kind.to(hidden.dtype)


def attach(module: nn.Module, adapter: Bottleneck, *, parallel: bool) -> None:
    """Let ``adapter`` change what ``module`` gives, from its output or (parallel) its input."""
    module.add_module(_NAME, adapter)
    module.register_forward_hook(_beside if parallel else _after, with_kwargs=True)


def _after(module: nn.Module, _given: Any, _named: Any, output: Any) -> Any:
    """Add to the first output; attention gives its weights as a second one.

    The adapter is looked up in the module, so that a copy of the model uses its own.
    """
    hidden = output[0] if isinstance(output, tuple) else output
    return _added(module, hidden, output)


def _beside(module: nn.Module, given: tuple[Tensor, ...], _named: Any, output: Any) -> Any:
    return _added(module, given[0], output)


def _added(module: nn.Module, source: Tensor, output: Any) -> Any:
    adapter = module.get_submodule(_NAME)
    if not adapter.enabled:
        return output
    if isinstance(output, tuple):
        return (output[0] + adapter(source), *output[1:])
    return output + adapter(source)
