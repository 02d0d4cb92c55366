"""Losses and gradients that are not finite: such a step is never taken."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch.nn.utils import get_total_norm
from transformers import TrainerCallback

from workbench.core.errors import RunFailedError
from workbench.training.distributed.fsdp import full_tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import TrainerControl, TrainerState, TrainingArguments

    from workbench.training.callbacks.session import TrainingSession

MAX_SKIPPED = 20
"""Steps in a row that may be skipped before the run fails."""


class NonfiniteCallback(TrainerCallback):
    """Keeps gradients that are not finite from the weights; fails or skips as the recipe says."""

    def __init__(self, session: TrainingSession) -> None:
        self._session = session
        self._policy = session.recipe.training.on_nonfinite
        self._skipped = 0

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Drop gradients that are not finite, so that the optimiser moves nothing.

        Where gradients are scaled (float16), the scaler does so by itself.
        """
        del args, state, control
        model, optimizer = kwargs["model"], kwargs["optimizer"]
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        if optimizer.scaler is None and not full_tensor(get_total_norm(gradients)).isfinite():
            model.zero_grad()

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Check the numbers of a step.

        Raises:
            RunFailedError: They are not finite, and the recipe says stop or it happened too often
                in a row.
        """
        del args, control
        logs: dict[str, float] = kwargs["logs"]
        if "loss" not in logs:
            return
        with self._session.clock.paused():
            problem = _nonfinite(logs, scaled=kwargs["optimizer"].scaler is not None)
            self._skipped = self._skipped + 1 if problem else 0
            if problem:
                self._fail_or_skip(state.global_step, problem)

    def _fail_or_skip(self, step: int, problem: str) -> None:
        if self._policy == "stop" or self._skipped >= MAX_SKIPPED:
            often = f" ({self._skipped} such steps in a row)" if self._skipped > 1 else ""
            raise RunFailedError(
                f"training diverged at step {step}{often}: {problem}; {self._advice()}"
            )
        self._session.reporter.notice(f"step {step} skipped: {problem}", level="warning")

    def _advice(self) -> str:
        recipe = self._session.recipe
        if recipe.training.precision != "fp16" and recipe.model.dtype != "float16":
            return "lower the learning rate"
        return (
            "float16 overflows at 65,504, which many models exceed at any learning rate: set "
            "training.precision to bf16 or fp32, and model.dtype to auto"
        )

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"skipped": self._skipped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self._skipped = state_dict["skipped"]


def _nonfinite(logs: Mapping[str, float], *, scaled: bool) -> str:
    """What is not finite; overflowing gradients are normal where they are scaled."""
    if not math.isfinite(logs["loss"]):
        return f"the loss is {logs['loss']}"
    norm = float(logs["grad_norm"])
    return "" if scaled or math.isfinite(norm) else f"the gradient norm is {norm}"
