"""How much a run trains: the learning rate summed over its steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.recipe.training import TrainingSection

_TIMESCALE = 10_000
"""Steps after which transformers' inverse square root has fallen without a warm-up."""


def rate_sum(training: TrainingSection, steps: int, warmup: int) -> float:
    """The learning rate summed over ``steps``, of which the first ``warmup`` climb to it."""
    return training.learning_rate * _full_steps(training.lr_scheduler_type, steps, warmup)


def _full_steps(scheduler: str, steps: int, warmup: int) -> float:
    """How many steps at the full rate come to the same."""
    after = steps - warmup
    match scheduler:
        case "constant":
            return steps
        case "constant_with_warmup":
            return warmup / 2 + after
        case "inverse_sqrt":
            scale = warmup or _TIMESCALE
            return warmup / 2 + 2 * math.sqrt(scale) * (math.sqrt(after + scale) - math.sqrt(scale))
    return steps / 2
