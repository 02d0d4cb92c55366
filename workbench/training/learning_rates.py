"""Learning rates that are known to work, by strategy and size of the model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.recipe.facts import ModelFacts
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


def recommended(recipe: Recipe, facts: ModelFacts) -> LearningRates | None:
    """The range for a strategy and the nearest size of model; None where none is known."""
    tables = {"weights": _WEIGHTS, "low_rank": _LOW_RANK}
    table = tables.get(recipe.strategy.change)
    if table is None or not facts.parameters:
        return None
    distances = [_distance(facts.parameters, *sizes) for sizes in _SIZES]
    return table[distances.index(min(distances))]


def judged(recipe: Recipe, facts: ModelFacts) -> str:
    """What is to be said of the learning rate in one line; empty where no range is known."""
    known = recommended(recipe, facts)
    rate = recipe.training.learning_rate
    if known is None:
        return ""
    usual = (
        f"{recipe.strategy.kind} on {facts.parameters / 1e6:,.0f} M parameters usually starts from "
        f"{known.low:g} to {known.high:g} ({known.source})"
    )
    if known.low <= rate <= known.high:
        return f"learning rate {rate:g} is usual: {usual}"
    if rate < known.low:
        return f"learning rate {rate:g} is low and may teach little: {usual}"
    if known.forgets is not None and rate >= known.forgets:
        return f"learning rate {rate:g} is where such models visibly forget: {usual}"
    return f"learning rate {rate:g} is high and may cost old knowledge: {usual}"


def _distance(parameters: int, smallest: float, largest: float) -> float:
    """How many times a model is smaller or larger than a group, as a logarithm."""
    return max(0.0, math.log(smallest / parameters), math.log(parameters / largest))
