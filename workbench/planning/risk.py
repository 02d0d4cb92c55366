"""The risk of forgetting before a run starts: the KL to base to expect, why, and what lowers it.

The formula has few factors and every one comes from runs of one small model, so it ranks runs and
promises nothing: only the report of a run says what was forgotten. How well it ranks is in
:mod:`workbench.planning.risk_check`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from workbench.core.formatting import number, percent
from workbench.planning.learning_rates import rate_sum, recommended
from workbench.recipe.recipe import PROTECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.data.narrowness import Narrowness
    from workbench.models.model_facts import ModelFacts
    from workbench.planning.learning_rates import LearningRates
    from workbench.recipe.recipe import Recipe
    from workbench.strategies.base import Strategy

Level = Literal["low", "medium", "high"]

MOST_KL = 1.9
"""KL to base that long training at a high rate approaches, on varied answers; nats per token."""
HALF_STEPS = 61.0
"""Steps at the highest usual rate, all weights trained, after which half of that is reached."""
NARROWNESS = 0.38
"""Powers of ten between answers that all say one thing and answers as varied as general text."""

_MEDIUM, _HIGH = 0.1, 0.3
"""KL to base from which the risk is medium or high: where the forgetting budget warns and acts."""
_UNKNOWN_RATE = 1e-3
"""Used as the highest usual rate where none is known."""
_MENTIONED = 0.05
"""Powers of ten from which a reason is mentioned in the summary."""
_MANY_EPOCHS = 1.5
"""Epochs from which fewer are offered as a remedy."""
_ANSWERS = {0.4: "narrow answers", 0.15: "similar answers", 0.0: "varied answers"}
"""What answers are called, by their least narrowness."""


class _Offer(NamedTuple):
    """A retention method to offer: its field, a usual value, and both in words."""

    kind: str
    field: str
    usual: float
    name: str
    text: str


_OFFERS = (
    _Offer("replay", "share", 0.2, "replay", "20 % replay"),
    _Offer("kl", "strength", 0.5, "KL to base", "KL to base"),
)


class Remedy(BaseModel):
    """A change of the recipe that would lower the risk.

    Attributes:
        text: The change in a few words.
        settings: The change as ``field=value`` assignments.
        saves: Powers of ten by which it lowers the expected KL.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    settings: tuple[str, ...]
    saves: float


class Reason(BaseModel):
    """One thing that raises or lowers the risk.

    Attributes:
        text: A few words.
        points: Its factor in the expected KL, as a power of ten; negative where it lowers it.
        detail: The numbers behind it.
        remedy: What would lower it; None where no change of the recipe does.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    points: float
    detail: str = ""
    remedy: Remedy | None = None


class Risk(BaseModel):
    """How much a run is likely to forget: a rank, never a measurement.

    Attributes:
        level: The expected KL in a word.
        score: The expected KL to base in nats per token, as a power of ten: the sum of the reasons'
            points.
        worth: How many steps at the highest usual rate the run is worth, all weights trained.
        reasons: The heaviest first.
    """

    model_config = ConfigDict(frozen=True)

    level: Level
    score: float
    worth: float
    reasons: tuple[Reason, ...]

    @property
    def expected_kl(self) -> float:
        """KL to base of such a run of the demo model, nats per token."""
        return float(10**self.score)

    @property
    def remedy(self) -> Remedy | None:
        """The change that would lower it most; None where the risk is low already."""
        return None if self.level == "low" else next(iter(self.remedies), None)

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """Every change that would lower it, the most effective first."""
        remedies = [reason.remedy for reason in self.reasons if reason.remedy]
        return tuple(sorted(remedies, key=lambda remedy: -remedy.saves))

    @property
    def raised_by(self) -> str:
        """The reasons that raise it, or that have a remedy, in one line."""
        return ", ".join(
            reason.text for reason in self.reasons if reason.points >= _MENTIONED or reason.remedy
        )


@dataclass(frozen=True)
class Extent:
    """How long a run is and how much of the model it trains.

    Attributes:
        steps: Optimiser steps.
        epoch: Steps that see every row once.
        warmup: Steps over which the learning rate rises.
        share: Trainable over all parameters, 0 to 1; 0 where unknown.
    """

    steps: int
    epoch: int
    warmup: int
    share: float


def assess(recipe: Recipe, facts: ModelFacts, answers: Narrowness, extent: Extent) -> Risk:
    """Estimate the KL to base of a run from its recipe, its model and its answers.

    With w for :attr:`Risk.worth`:

        KL = MOST_KL · w / (w + HALF_STEPS) · 10^(NARROWNESS · index) · factors of the protections.
    """
    usual = recommended(recipe, facts)
    worth = _worth(recipe, extent, usual.high if usual else _UNKNOWN_RATE)
    reasons = [
        _steps(recipe, usual, extent, worth),
        *([_rate(recipe, usual, worth)] if usual else []),
        *_strategy(recipe.strategy),
        _narrowness(answers),
        *_protections(recipe),
        *_offers(recipe),
    ]
    score = sum(reason.points for reason in reasons)
    heaviest_first = tuple(sorted(reasons, key=lambda reason: -reason.points))
    return Risk(level=_level(score), score=score, worth=worth, reasons=heaviest_first)


def _level(score: float) -> Level:
    if score < math.log10(_MEDIUM):
        return "low"
    return "medium" if score < math.log10(_HIGH) else "high"


def _worth(recipe: Recipe, extent: Extent, highest: float) -> float:
    """How many steps at the ``highest`` usual rate a run is worth.

    Where the base's own weights are trained, a part of them counts as a part of the steps. LoRA's
    usual rates allow for its few parameters already.
    """
    share = extent.share if recipe.strategy.delta_kind == "weights" and extent.share else 1.0
    return rate_sum(recipe.training, extent.steps, extent.warmup) / highest * share


def _saturation(worth: float) -> float:
    """MOST_KL · w / (w + HALF_STEPS) as a power of ten."""
    return math.log10(MOST_KL * worth / (worth + HALF_STEPS))


def _steps(recipe: Recipe, usual: LearningRates | None, extent: Extent, worth: float) -> Reason:
    """The length of the run, as if its rate were the highest usual one, where that is known."""
    highest = usual.high if usual else _UNKNOWN_RATE
    epochs = extent.steps / extent.epoch
    many = epochs >= _MANY_EPOCHS
    return Reason(
        text=f"{epochs:.2g} epochs" if many else f"{extent.steps:,} steps",
        detail=f"with the rate worth {_multiple(worth)} steps at {number(highest)}",
        points=_saturation(_at_highest(worth, recipe, usual) if usual else worth),
        remedy=_one_epoch(_saturation(worth) - _saturation(worth / epochs)) if many else None,
    )


def _one_epoch(saves: float) -> Remedy:
    return Remedy(
        text="1 epoch",
        settings=("training.num_train_epochs=1", "training.max_steps=null"),
        saves=saves,
    )


def _multiple(value: float) -> str:
    """Two digits below ten, whole numbers above, never an exponent like ``1e+02``."""
    return f"{value:.2g}" if value < 10 else f"{value:,.0f}"


def _at_highest(worth: float, recipe: Recipe, usual: LearningRates) -> float:
    """What the run would be worth at the highest usual rate."""
    return worth * usual.high / recipe.training.learning_rate


def _rate(recipe: Recipe, usual: LearningRates, worth: float) -> Reason:
    """What the learning rate adds to or takes off a run at the highest usual one."""
    rate = recipe.training.learning_rate
    points = _saturation(worth) - _saturation(_at_highest(worth, recipe, usual))
    if rate <= usual.high:
        word = "usual" if rate >= usual.low else "low"
        return Reason(text=f"a {word} learning rate", points=points)
    return Reason(
        text=f"a learning rate {_multiple(rate / usual.high)} times the highest usual",
        points=points,
        remedy=Remedy(
            text=f"learning rate {number(usual.high)}",
            settings=(f"training.learning_rate={number(usual.high)}",),
            saves=points,
        ),
    )


def _strategy(strategy: Strategy) -> Iterator[Reason]:
    """What published results say of the strategy, beyond its rates."""
    if points := strategy.risk_points:
        yield Reason(text=strategy.card.title, detail="from published results", points=points)


def _narrowness(answers: Narrowness) -> Reason:
    return Reason(
        text=next(words for least, words in _ANSWERS.items() if answers.index >= least),
        detail=(
            f"{answers.first_word_bits:.1f} bits in the first words, compressed to "
            f"{percent(answers.compression)}, {percent(answers.repeated)} repeated"
        ),
        points=NARROWNESS * answers.index,
    )


def _protections(recipe: Recipe) -> Iterator[Reason]:
    """What the retention methods take off that are on and whose effect was measured."""
    for protection in recipe.retention.active().values():
        if relief := protection.relief(recipe.strategy):
            yield Reason(text=protection.card.title, points=-relief)


def _offers(recipe: Recipe) -> Iterator[Reason]:
    """Retention methods that are off, or weaker than usual."""
    for offer in _OFFERS:
        protection = recipe.retention.active().get(offer.kind)
        relief = protection.relief(recipe.strategy) if protection else 0.0
        usual = PROTECTIONS[offer.kind].model_validate({offer.field: offer.usual})
        saves = usual.relief(recipe.strategy) - relief
        if saves > 0:
            yield Reason(
                text=f"{'little' if relief else 'no'} {offer.name}",
                points=0.0,
                remedy=Remedy(
                    text=offer.text,
                    settings=(f"retention.{offer.kind}.{offer.field}={offer.usual:g}",),
                    saves=saves,
                ),
            )
