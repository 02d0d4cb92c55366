"""The risk of forgetting before a run is launched, in words: its reasons, and what would lower it.

A guess from the recipe and the data alone, to rank runs by and to be warned: only the report of a
run says what was forgotten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from workbench.core.formatting import number, percent
from workbench.planning.intensity import rate_sum
from workbench.planning.learning_rates import recommended
from workbench.planning.risk_weights import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.data.narrowness import Narrowness
    from workbench.models.model_facts import ModelFacts
    from workbench.planning.learning_rates import LearningRates
    from workbench.recipe.recipe import Recipe
    from workbench.retention.base import Protection
    from workbench.strategies.base import Strategy

Level = Literal["low", "medium", "high"]

_WORD = 0.1
"""Points from which on a reason is worth a word."""
_ANSWERS = {0.4: "narrow answers", 0.15: "similar answers", 0.0: "varied answers"}
"""What answers are called from which narrowness on."""
_WHOLE = 10
"""From here on a multiple is told in whole numbers."""
_PASSES = 1.5
"""From here on a run is told in epochs, of which one could do."""


class _Switch(NamedTuple):
    """A protection that is offered: its field, a usual value of it, and both in words."""

    kind: str
    field: str
    usual: float
    name: str
    text: str


_SWITCHES = (
    _Switch("replay", "share", 0.2, "replay", "20 % replay"),
    _Switch("kl", "strength", 0.5, "KL to base", "KL to base"),
)


class Remedy(BaseModel):
    """A switch that would lower the risk.

    Attributes:
        text: What to do, in a few words.
        settings: The same as ``field=value`` assignments to the recipe.
        saves: Points it takes off the score, about.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    settings: tuple[str, ...]
    saves: float


class Reason(BaseModel):
    """One thing that the risk comes from, or that holds it down.

    Attributes:
        text: A few words.
        detail: The numbers behind them.
        points: What it adds to the score; negative where it lowers it.
        remedy: What would lower it; None where nothing in the recipe does.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    points: float
    detail: str = ""
    remedy: Remedy | None = None


class Risk(BaseModel):
    """How likely the base's abilities are to suffer: a rank, never a measurement.

    Attributes:
        level: In a word.
        score: What runs are ranked by; the sum of the reasons' points.
        reasons: Heaviest first.
    """

    model_config = ConfigDict(frozen=True)

    level: Level
    score: float
    reasons: tuple[Reason, ...]

    @property
    def remedy(self) -> Remedy | None:
        """The switch that would lower it most; None where the risk is low already."""
        return None if self.level == "low" else next(iter(self.remedies), None)

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """Every switch that would lower it, the one that saves most first."""
        offered = [reason.remedy for reason in self.reasons if reason.remedy]
        return tuple(sorted(offered, key=lambda remedy: -remedy.saves))

    @property
    def raised_by(self) -> str:
        """The reasons that raise it, or that a switch would take away, in one line."""
        telling = [reason for reason in self.reasons if reason.points >= _WORD or reason.remedy]
        return ", ".join(reason.text for reason in telling)


@dataclass(frozen=True)
class Extent:
    """How long a run is and how much of the model it moves.

    Attributes:
        steps: Optimiser steps.
        epoch: Steps that see every row once.
        warmup: Steps over which the learning rate climbs.
        share: Trainable over all parameters; 0 where unknown.
    """

    steps: int
    epoch: int
    warmup: int
    share: float


def assess(recipe: Recipe, facts: ModelFacts, answers: Narrowness, extent: Extent) -> Risk:
    """Judge a run from its recipe, its model's facts and its answers."""
    known = recommended(recipe, facts)
    top = known.high if known else WEIGHTS.unknown_rate
    found = [
        _intensity(recipe, extent, top),
        *([_position(recipe, known)] if known else []),
        *_strategy(recipe.strategy, extent.share),
        _narrowness(answers),
        *(_protection(protection) for protection in recipe.retention.active().values()),
        *_offers(recipe),
    ]
    score = sum(reason.points for reason in found)
    order = tuple(sorted(found, key=lambda reason: -reason.points))
    return Risk(level=_level(score), score=score, reasons=order)


def _level(score: float) -> Level:
    if score < WEIGHTS.medium:
        return "low"
    return "medium" if score < WEIGHTS.high else "high"


def _intensity(recipe: Recipe, extent: Extent, top: float) -> Reason:
    """The learning rate summed over the steps, in steps at the highest usual rate."""
    dose = rate_sum(recipe.training, extent.steps, extent.warmup) / top
    epochs = extent.steps / extent.epoch
    several = epochs >= _PASSES
    return Reason(
        text=f"{epochs:.2g} epochs" if several else f"{extent.steps:,} steps",
        detail=f"they add up to {_rounded(dose)} steps at the highest usual rate of {number(top)}",
        points=WEIGHTS.intensity * math.log10(dose),
        remedy=_one_epoch(epochs) if several else None,
    )


def _one_epoch(epochs: float) -> Remedy:
    return Remedy(
        text="1 epoch",
        settings=("training.num_train_epochs=1", "training.max_steps=null"),
        saves=WEIGHTS.intensity * math.log10(epochs),
    )


def _rounded(number: float) -> str:
    """Two digits below ten and whole numbers from there on, never an exponent like ``1e+02``."""
    return f"{number:.2g}" if number < _WHOLE else f"{number:,.0f}"


def _position(recipe: Recipe, known: LearningRates) -> Reason:
    """Where the learning rate lies against the usual ones."""
    rate = recipe.training.learning_rate
    above = math.log10(rate / known.high)
    points = WEIGHTS.position * above
    if above <= 0:
        usual = "usual" if rate >= known.low else "low"
        return Reason(text=f"a {usual} learning rate", points=points)
    return Reason(
        text=f"a learning rate {_rounded(rate / known.high)} times the highest usual",
        points=points,
        remedy=Remedy(
            text=f"learning rate {number(known.high)}",
            settings=(f"training.learning_rate={number(known.high)}",),
            saves=(WEIGHTS.position + WEIGHTS.intensity) * above,
        ),
    )


def _strategy(strategy: Strategy, share: float) -> Iterator[Reason]:
    """How much of the model moves, and what is known of how."""
    if share:
        moving = "every weight" if share >= 1 else f"{percent(share, 2)} of the weights"
        points = WEIGHTS.share * math.log10(share / WEIGHTS.usual_share)
        yield Reason(text=f"{moving} trained", points=points)
    if points := WEIGHTS.strategies.get(strategy.kind, 0.0):
        yield Reason(text=strategy.card.title, detail="as published of it", points=points)


def _narrowness(answers: Narrowness) -> Reason:
    narrow = answers.index
    return Reason(
        text=next(words for least, words in _ANSWERS.items() if narrow >= least),
        detail=(
            f"{answers.first_word_bits:.1f} bits in their first words, "
            f"{percent(answers.compression)} left by zlib, {percent(answers.repeated)} repeated"
        ),
        points=WEIGHTS.narrowness * narrow,
    )


def _protection(protection: Protection) -> Reason:
    """What a protection that is on takes off."""
    relief = WEIGHTS.reliefs.get(protection.kind)
    title = protection.card.title
    if relief is None or not relief.field:
        return Reason(text=title, points=-(relief.most if relief else WEIGHTS.other_relief))
    setting = float(getattr(protection, relief.field))
    return Reason(text=f"{title}, {relief.field} {setting:g}", points=-relief.points(setting))


def _offers(recipe: Recipe) -> Iterator[Reason]:
    """Protections that are off, or weaker than usual."""
    active = recipe.retention.active()
    for switch in _SWITCHES:
        relief = WEIGHTS.reliefs[switch.kind]
        on = active.get(switch.kind)
        setting = float(getattr(on, switch.field)) if on else 0.0
        if setting < switch.usual:
            yield Reason(
                text=f"{'little' if setting else 'no'} {switch.name}",
                points=0.0,
                remedy=Remedy(
                    text=switch.text,
                    settings=(f"retention.{switch.kind}.{switch.field}={switch.usual:g}",),
                    saves=relief.points(switch.usual) - relief.points(setting),
                ),
            )
