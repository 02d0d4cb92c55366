"""Learning rates that usually work, and the sum of the rates that a schedule goes through."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from workbench.core.formatting import number

if TYPE_CHECKING:
    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.recipe import Recipe
    from workbench.recipe.training import TrainingSection

_SMALL = "common practice; SmolLM2-135M's own recipe has 1e-3"
_LARGE = "common practice; PEFT's method comparison on 3B has 1e-5 for full and 1e-4 for LoRA"


@dataclass(frozen=True)
class LearningRates:
    """A range of learning rates to start from.

    Attributes:
        low: Below it, a run of usual length learns little.
        high: Above it, the model is likely to forget, or training to diverge.
        source: Where the range is from.
        forgets: From this rate on, forgetting is visible; None where no such rate is known.
    """

    low: float
    high: float
    source: str
    forgets: float | None = None


_SIZES = (1.35e8, 3.6e8), (1e9, 2e9), (7e9, 8e9)
"""Parameters of the smallest and largest model that each range comes from."""

_WEIGHTS = (
    LearningRates(5e-5, 1e-4, _SMALL, forgets=3e-4),
    LearningRates(2e-6, 1e-5, _LARGE, forgets=5e-5),
    LearningRates(1e-6, 5e-6, _LARGE, forgets=2e-5),
)
"""By size, for strategies that train the base's own weights."""
_LOW_RANK = (
    LearningRates(5e-4, 2e-3, _SMALL),
    LearningRates(1e-4, 5e-4, _LARGE),
    LearningRates(5e-5, 2e-4, _LARGE),
)
"""By size, for LoRA and its kin."""
_INVERSE_SQRT_TIMESCALE = 10_000
"""Timescale of transformers' inverse square root schedule without a warm-up, in steps."""

RateJudgement = Literal["usual", "low", "high", "forgets"]

_MEANINGS: dict[RateJudgement, str] = {
    "usual": "is usual",
    "low": "is low and may teach little",
    "high": "is high and may cost old knowledge",
    "forgets": "is a rate at which such models visibly forget",
}


class JudgedRate(BaseModel):
    """A recipe's learning rate beside the usual ones.

    Attributes:
        rate: The recipe's learning rate.
        verdict: Where it is among them.
        low: Lower end of the usual range.
        high: Upper end of the usual range.
        setting: The strategy and the size of model that the range is for.
        source: Where the range is from.
    """

    model_config = ConfigDict(frozen=True)

    rate: float
    verdict: RateJudgement
    low: float
    high: float
    setting: str
    source: str

    @property
    def meaning(self) -> str:
        """The verdict as the end of a sentence that begins with the rate."""
        return _MEANINGS[self.verdict]

    def __str__(self) -> str:
        return (
            f"{number(self.rate)} {self.meaning}: {self.setting} usually starts from "
            f"{number(self.low)} to {number(self.high)} ({self.source})"
        )


def recommended(recipe: Recipe, facts: ModelFacts) -> LearningRates | None:
    """The usual range for the strategy and the nearest size of model; None where none is known."""
    tables = {"weights": _WEIGHTS, "low_rank": _LOW_RANK}
    table = tables.get(recipe.strategy.delta_kind)
    if table is None or not facts.parameters:
        return None
    distances = [_distance(facts.parameters, *sizes) for sizes in _SIZES]
    return table[distances.index(min(distances))]


def judge(recipe: Recipe, facts: ModelFacts) -> JudgedRate | None:
    """Compare the recipe's learning rate with the usual range; None where none is known."""
    usual = recommended(recipe, facts)
    if usual is None:
        return None
    return JudgedRate(
        rate=recipe.training.learning_rate,
        verdict=_verdict(recipe.training.learning_rate, usual),
        low=usual.low,
        high=usual.high,
        setting=f"{recipe.strategy.kind} on {facts.parameters / 1e6:,.0f} M parameters",
        source=usual.source,
    )


def rate_sum(training: TrainingSection, steps: int, warmup: int) -> float:
    """The learning rate summed over all steps: a measure of how much a run trains.

    Closed forms of the areas below transformers' schedules: with a peak rate of 1 and a linear
    warm-up of w steps, which has area w/2, ``linear`` and ``cosine`` fall to 0 with area
    (steps - w)/2, and ``inverse_sqrt`` is sqrt(t / (step - w + t)), with the timescale t = w, or
    10,000 without a warm-up.

    Args:
        training: Peak learning rate and schedule.
        steps: Optimiser steps of the run.
        warmup: Steps of warm-up among them.
    """
    return training.learning_rate * _area(training.lr_scheduler_type, steps, warmup)


def _area(scheduler: str, steps: int, warmup: int) -> float:
    after = steps - warmup
    match scheduler:
        case "constant":
            return steps
        case "constant_with_warmup":
            return warmup / 2 + after
        case "inverse_sqrt":
            scale = warmup or _INVERSE_SQRT_TIMESCALE
            return warmup / 2 + 2 * math.sqrt(scale) * (math.sqrt(after + scale) - math.sqrt(scale))
    return steps / 2


def _verdict(rate: float, usual: LearningRates) -> RateJudgement:
    if rate < usual.low:
        return "low"
    if rate <= usual.high:
        return "usual"
    return "forgets" if usual.forgets is not None and rate >= usual.forgets else "high"


def _distance(parameters: int, smallest: float, largest: float) -> float:
    """The logarithm of how many times a model is smaller or larger than a range of sizes."""
    return max(0.0, math.log(smallest / parameters), math.log(parameters / largest))
