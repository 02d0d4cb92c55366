"""Losses and gradients that are not finite: such a step is never taken."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch.nn.utils import get_total_norm

from workbench.core.errors import RunFailedError
from workbench.training.distributed.fsdp import full

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch.nn import Module

    from workbench.recipe.training import OnNonfinite
    from workbench.training.reporting.reporter import Reporter

MOST_SKIPPED = 20
"""Steps in a row that are skipped before the run ends all the same."""


class NonfiniteGuard:
    """Keeps broken gradients from the weights, and stops or goes on as the recipe says."""

    def __init__(self, policy: OnNonfinite, reporter: Reporter) -> None:
        """Follow ``policy``."""
        self._policy = policy
        self._reporter = reporter
        self._skipped = 0

    def protect(self, model: Module, optimizer: Any) -> None:
        """Drop gradients that are not finite, so that the optimiser moves nothing.

        Where gradients are scaled (float16), the scaler does so by itself.
        """
        gradients = [one.grad for one in model.parameters() if one.grad is not None]
        if optimizer.scaler is None and not full(get_total_norm(gradients)).isfinite():
            model.zero_grad()

    def judge(self, logs: Mapping[str, float], optimizer: Any) -> None:
        """Look at the numbers of a step.

        Raises:
            RunFailedError: They are not finite and the recipe says stop, or it was so too often.
        """
        broken = _broken(logs, scaled=optimizer.scaler is not None)
        self._skipped = self._skipped + 1 if broken else 0
        if not broken:
            return
        step = self._reporter.status.step
        if self._policy == "stop" or self._skipped >= MOST_SKIPPED:
            often = f" and in {self._skipped - 1} steps before it" if self._skipped > 1 else ""
            raise RunFailedError(
                f"training diverged at step {step}{often}: {broken}; lower the learning rate"
            )
        self._reporter.notice(f"step {step} was skipped: {broken}", level="warning")

    def state(self) -> dict[str, Any]:
        """How many steps in a row were skipped."""
        return {"skipped": self._skipped}

    def resume(self, state: dict[str, Any]) -> None:
        """Count on from there."""
        self._skipped = state["skipped"]


def _broken(logs: Mapping[str, float], *, scaled: bool) -> str:
    """What is not finite; overflowing gradients are usual where they are scaled."""
    if not math.isfinite(logs["loss"]):
        return f"the loss is {logs['loss']}"
    norm = float(logs["grad_norm"])
    return "" if scaled or math.isfinite(norm) else f"the gradient is {norm}"
