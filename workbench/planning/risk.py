"""The risk of forgetting before a run starts: a score, the reasons for it, and what would lower it.

The score is a guess from the recipe and the data alone, to rank runs by: only the report of a run
says what was forgotten. How well it ranks is in :mod:`workbench.planning.risk_check`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from workbench.core.formatting import number, percent
from workbench.planning.learning_rates import rate_sum, recommended
from workbench.recipe.recipe import PROTECTIONS, STRATEGIES
from workbench.retention.base import Relief

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.data.narrowness import Narrowness
    from workbench.models.model_facts import ModelFacts
    from workbench.planning.learning_rates import LearningRates
    from workbench.recipe.recipe import Recipe
    from workbench.retention.base import Protection
    from workbench.strategies.base import Strategy

Level = Literal["low", "medium", "high"]


class Weights(BaseModel):
    """Points of everything that raises or lowers the risk.

    One point is meant as a factor of ten in the KL to base. All numbers are starting values,
    chosen from published results and common practice; none is fitted.

    Attributes:
        intensity: Per factor of ten in the training intensity: the learning rate summed over the
            steps, as a multiple of the highest usual rate.
        position: Per factor of ten by which the rate exceeds the highest usual one, beyond its
            effect on the intensity; taken off where it is lower.
        share: Per factor of ten between the trainable share and ``usual_share``.
        usual_share: Trainable share of a usual adapter.
        narrowness: For answers that all say one thing, against answers as varied as general text.
        strategies: By kind, the ``risk_points`` of each strategy that has any: soft prompts forget
            much while attached, OSF little (PEFT's method comparison).
        reliefs: By kind, the ``relief`` of each retention method that has one.
        other_relief: For a retention method that has none.
        unknown_rate: Used as the highest usual rate where none is known.
        medium: Score from which the risk is called medium.
        high: Score from which the risk is called high.
    """

    model_config = ConfigDict(frozen=True)

    intensity: float = 0.5
    position: float = 0.7
    share: float = 0.15
    usual_share: float = 0.01
    narrowness: float = 0.7
    strategies: Mapping[str, float] = {
        kind: strategy.risk_points for kind, strategy in STRATEGIES.items() if strategy.risk_points
    }
    reliefs: Mapping[str, Relief] = {
        kind: protection.relief for kind, protection in PROTECTIONS.items() if protection.relief
    }
    other_relief: float = 0.1
    unknown_rate: float = 1e-3
    medium: float = 0.8
    high: float = 1.5


WEIGHTS = Weights()

_MENTIONED = 0.1
"""Points from which a reason is mentioned in the summary."""
_ANSWERS = {0.4: "narrow answers", 0.15: "similar answers", 0.0: "varied answers"}
"""What answers are called, by their least narrowness."""
_MANY_EPOCHS = 1.5
"""Epochs from which fewer are offered as a remedy."""


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
        saves: Points it takes off the score, approximately.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    settings: tuple[str, ...]
    saves: float


class Reason(BaseModel):
    """One thing that raises or lowers the risk.

    Attributes:
        text: A few words.
        points: What it adds to the score; negative where it lowers the risk.
        detail: The numbers behind it.
        remedy: What would lower it; None where no change of the recipe does.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    points: float
    detail: str = ""
    remedy: Remedy | None = None


class Risk(BaseModel):
    """How likely a run is to forget: a rank, never a measurement.

    Attributes:
        level: The score in a word.
        score: The sum of the reasons' points.
        reasons: The heaviest first.
    """

    model_config = ConfigDict(frozen=True)

    level: Level
    score: float
    reasons: tuple[Reason, ...]

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
    """Estimate the risk of a run from its recipe, its model and its answers."""
    usual = recommended(recipe, facts)
    highest = usual.high if usual else WEIGHTS.unknown_rate
    reasons = [
        _intensity(recipe, extent, highest),
        *([_position(recipe, usual)] if usual else []),
        *_strategy(recipe.strategy, extent.share),
        _narrowness(answers),
        *(_protection(protection) for protection in recipe.retention.active().values()),
        *_offers(recipe),
    ]
    score = sum(reason.points for reason in reasons)
    heaviest_first = tuple(sorted(reasons, key=lambda reason: -reason.points))
    return Risk(level=_level(score), score=score, reasons=heaviest_first)


def _level(score: float) -> Level:
    if score < WEIGHTS.medium:
        return "low"
    return "medium" if score < WEIGHTS.high else "high"


def _intensity(recipe: Recipe, extent: Extent, highest: float) -> Reason:
    """The learning rate summed over the steps, in steps at the highest usual rate."""
    equivalent = rate_sum(recipe.training, extent.steps, extent.warmup) / highest
    epochs = extent.steps / extent.epoch
    many = epochs >= _MANY_EPOCHS
    return Reason(
        text=f"{epochs:.2g} epochs" if many else f"{extent.steps:,} steps",
        detail=f"worth {_multiple(equivalent)} steps at the highest usual rate, {number(highest)}",
        points=WEIGHTS.intensity * math.log10(equivalent),
        remedy=_one_epoch(epochs) if many else None,
    )


def _one_epoch(epochs: float) -> Remedy:
    return Remedy(
        text="1 epoch",
        settings=("training.num_train_epochs=1", "training.max_steps=null"),
        saves=WEIGHTS.intensity * math.log10(epochs),
    )


def _multiple(value: float) -> str:
    """Two digits below ten, whole numbers above, never an exponent like ``1e+02``."""
    return f"{value:.2g}" if value < 10 else f"{value:,.0f}"


def _position(recipe: Recipe, usual: LearningRates) -> Reason:
    """Where the learning rate is among the usual ones."""
    rate = recipe.training.learning_rate
    above = math.log10(rate / usual.high)
    points = WEIGHTS.position * above
    if above <= 0:
        word = "usual" if rate >= usual.low else "low"
        return Reason(text=f"a {word} learning rate", points=points)
    return Reason(
        text=f"a learning rate {_multiple(rate / usual.high)} times the highest usual",
        points=points,
        remedy=Remedy(
            text=f"learning rate {number(usual.high)}",
            settings=(f"training.learning_rate={number(usual.high)}",),
            saves=(WEIGHTS.position + WEIGHTS.intensity) * above,
        ),
    )


def _strategy(strategy: Strategy, share: float) -> Iterator[Reason]:
    """How much of the model is trained, and what is known about the strategy otherwise."""
    if share:
        trained = "every weight" if share >= 1 else f"{percent(share, 2)} of the weights"
        points = WEIGHTS.share * math.log10(share / WEIGHTS.usual_share)
        yield Reason(text=f"{trained} trained", points=points)
    if points := WEIGHTS.strategies.get(strategy.kind, 0.0):
        yield Reason(text=strategy.card.title, detail="from published results", points=points)


def _narrowness(answers: Narrowness) -> Reason:
    return Reason(
        text=next(words for least, words in _ANSWERS.items() if answers.index >= least),
        detail=(
            f"{answers.first_word_bits:.1f} bits in the first words, compressed to "
            f"{percent(answers.compression)}, {percent(answers.repeated)} repeated"
        ),
        points=WEIGHTS.narrowness * answers.index,
    )


def _protection(protection: Protection) -> Reason:
    """What a retention method that is on takes off."""
    relief = WEIGHTS.reliefs.get(protection.kind)
    title = protection.card.title
    if relief is None or not relief.field:
        return Reason(text=title, points=-(relief.most if relief else WEIGHTS.other_relief))
    setting = float(getattr(protection, relief.field))
    return Reason(text=f"{title}, {relief.field} {setting:g}", points=-relief.points(setting))


def _offers(recipe: Recipe) -> Iterator[Reason]:
    """Retention methods that are off, or weaker than usual."""
    active = recipe.retention.active()
    for offer in _OFFERS:
        relief = WEIGHTS.reliefs[offer.kind]
        protection = active.get(offer.kind)
        setting = float(getattr(protection, offer.field)) if protection else 0.0
        if setting < offer.usual:
            yield Reason(
                text=f"{'little' if setting else 'no'} {offer.name}",
                points=0.0,
                remedy=Remedy(
                    text=offer.text,
                    settings=(f"retention.{offer.kind}.{offer.field}={offer.usual:g}",),
                    saves=relief.points(offer.usual) - relief.points(setting),
                ),
            )
