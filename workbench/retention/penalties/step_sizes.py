"""How far the last step of an optimiser moved each weight per unit of its gradient."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor
    from torch.nn import Parameter
    from torch.optim import Optimizer

_BETA = 0.999
"""Decay of the running mean for optimisers that name none."""
_EPSILON = 1e-8


class StepSizes:
    """Step sizes eta_i of an optimiser that moves its weights by eta_i · gradient_i.

    - SGD: its learning rate eta.
    - AdamW: eta / (√v̂_i + ε), where v̂_i is the second moment of each weight, corrected for its
      start at zero (arXiv 1412.6980, algorithm 1).
    - Optimisers whose second moments are in 8 bits, factored or absent: one number for each tensor,
      eta / (√v̂ + ε), where v̂ is the running mean of the tensor's mean squared gradient, decayed and
      corrected as Adam does.
    """

    def __init__(self, *, adaptive: bool) -> None:
        """Follow an optimiser; only SGD is not ``adaptive``."""
        self._adaptive = adaptive
        self._means: list[float] = []
        self._steps = 0

    def of(self, optimizer: Optimizer) -> Iterator[tuple[Parameter, Tensor | float]]:
        """Every weight with its step sizes, shaped like the weight or one number for all of it.

        Called once after each step, while the gradients are still there.
        """
        self._steps += 1
        place = 0
        for group in optimizer.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    yield weight, self._size(group, optimizer.state.get(weight, {}), weight, place)
                place += 1

    def state_dict(self) -> dict[str, Any]:
        """The running means, in the optimiser's order of tensors."""
        return {"means": list(self._means), "steps": self._steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue the running means."""
        self._means, self._steps = list(state["means"]), state["steps"]

    def _size(
        self, group: Mapping[str, Any], state: Mapping[str, Any], weight: Parameter, place: int
    ) -> Tensor | float:
        rate: float = group["lr"]
        if not self._adaptive:
            return rate
        beta: float = group["betas"][1] if "betas" in group else _BETA
        moment = state.get("exp_avg_sq", state.get("state2"))  # torch's name, bitsandbytes'
        if "betas" in group and moment is not None and moment.is_floating_point():
            corrected = moment / (1 - beta ** float(state["step"]))
            sizes: Tensor = rate / corrected.sqrt_().add_(group["eps"])
            return sizes
        corrected_mean = self._running_mean(weight, place, beta) / (1 - beta**self._steps)
        return rate / (math.sqrt(corrected_mean) + _EPSILON)

    def _running_mean(self, weight: Parameter, place: int, beta: float) -> float:
        """Update and return the running mean of a tensor's mean squared gradient.

        A step that the optimiser skips because of infinite gradients leaves it as it was.
        """
        assert weight.grad is not None  # noqa: S101 - narrows for mypy
        self._means += [0.0] * (place + 1 - len(self._means))
        square = float(weight.grad.detach().float().square().mean())
        if math.isfinite(square):
            self._means[place] = beta * self._means[place] + (1 - beta) * square
        return self._means[place]
