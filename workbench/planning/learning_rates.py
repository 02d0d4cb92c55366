"""Learning rates that are known to work, by strategy and size of the model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from workbench.core.formatting import number

if TYPE_CHECKING:
    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.recipe import Recipe

_SMALL = "common practice; SmolLM2-135M's own recipe has 1e-3"
_LARGE = "common practice; PEFT's method comparison on 3B has 1e-5 for full and 1e-4 for LoRA"


@dataclass(frozen=True)
class LearningRates:
    """A range to start from.

    Attributes:
        low: Below it a run of usual length learns little.
        high: Above it the model is likely to forget, or training to diverge.
        forgets: From here on forgetting is visible; None where no such rate is known.
        source: Whose experience it is.
    """

    low: float
    high: float
    source: str
    forgets: float | None = None


_SIZES = (1.35e8, 3.6e8), (1e9, 2e9), (7e9, 8e9)
"""Parameters of the models that the ranges come from, smallest and largest of each group."""

_WEIGHTS = (
    LearningRates(5e-5, 1e-4, _SMALL, forgets=3e-4),
    LearningRates(2e-6, 1e-5, _LARGE, forgets=5e-5),
    LearningRates(1e-6, 5e-6, _LARGE, forgets=2e-5),
)
_LOW_RANK = (
    LearningRates(5e-4, 2e-3, _SMALL),
    LearningRates(1e-4, 5e-4, _LARGE),
    LearningRates(5e-5, 2e-4, _LARGE),
)


RateJudgement = Literal["usual", "low", "high", "forgets"]

_MEANINGS: dict[RateJudgement, str] = {
    "usual": "is usual",
    "low": "is low and may teach little",
    "high": "is high and may cost old knowledge",
    "forgets": "is where such models visibly forget",
}


class JudgedRate(BaseModel):
    """A learning rate beside what is usual.

    Attributes:
        rate: The one of the recipe.
        low: The usual range, from here.
        high: To here.
        setting: What the range is for: a strategy and a size.
        source: Whose experience it is.
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
        """The verdict in words that follow the rate."""
        return _MEANINGS[self.verdict]

    def __str__(self) -> str:
        """One line."""
        return (
            f"{number(self.rate)} {self.meaning}: {self.setting} usually starts from "
            f"{number(self.low)} to {number(self.high)} ({self.source})"
        )


def recommended(recipe: Recipe, facts: ModelFacts) -> LearningRates | None:
    """The range for a strategy and the nearest size of model; None where none is known."""
    tables = {"weights": _WEIGHTS, "low_rank": _LOW_RANK}
    table = tables.get(recipe.strategy.delta_kind)
    if table is None or not facts.parameters:
        return None
    distances = [_distance(facts.parameters, *sizes) for sizes in _SIZES]
    return table[distances.index(min(distances))]


def judged(recipe: Recipe, facts: ModelFacts) -> JudgedRate | None:
    """Hold the recipe's learning rate against the usual range; None where none is known."""
    known = recommended(recipe, facts)
    if known is None:
        return None
    return JudgedRate(
        rate=recipe.training.learning_rate,
        verdict=_verdict(recipe.training.learning_rate, known),
        low=known.low,
        high=known.high,
        setting=f"{recipe.strategy.kind} on {facts.parameters / 1e6:,.0f} M parameters",
        source=known.source,
    )


def _verdict(rate: float, known: LearningRates) -> RateJudgement:
    if rate < known.low:
        return "low"
    if rate <= known.high:
        return "usual"
    return "forgets" if known.forgets is not None and rate >= known.forgets else "high"


def _distance(parameters: int, smallest: float, largest: float) -> float:
    """How many times a model is smaller or larger than a group, as a logarithm."""
    return max(0.0, math.log(smallest / parameters), math.log(parameters / largest))
