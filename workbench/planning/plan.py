"""What a run will do, computed before anything is loaded; the worker follows the same numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from workbench.planning.learning_rates import JudgedRate, judged
from workbench.planning.risk import Extent, Risk, assess

if TYPE_CHECKING:
    from workbench.data.narrowness import Narrowness
    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.recipe import Recipe
    from workbench.recipe.training import TrainingSection


class Plan(BaseModel):
    """The size of a run.

    ``tokens`` counts what goes through the model in all steps, padding left out; None until the
    dataset has been tokenised. ``replayed`` of them are replayed rows', an estimate. ``notes`` say
    what else it takes. ``learning_rate`` is None where no usual range is known, ``risk``, that of
    forgetting, where the answers were not looked at.
    """

    model_config = ConfigDict(frozen=True)

    trainable: int
    parameters: int
    rows: int
    steps: int
    tokens: int | None = None
    replayed: int = 0
    notes: tuple[str, ...] = ()
    learning_rate: JudgedRate | None = None
    risk: Risk | None = None

    @property
    def share(self) -> float:
        """Trainable parameters over all of the base's, 0 to 1 (0 when those are unknown)."""
        return self.trainable / self.parameters if self.parameters else 0.0


def plan(
    recipe: Recipe,
    facts: ModelFacts,
    rows: int,
    tokens_per_epoch: int | None = None,
    answers: Narrowness | None = None,
    replayed_per_epoch: int = 0,
) -> Plan:
    """Size up a run.

    Args:
        recipe: The run.
        facts: The base model.
        rows: Training rows, held-out ones left out.
        tokens_per_epoch: Tokens of all training rows once, after truncation.
        answers: What the answers are like.
        replayed_per_epoch: Tokens that are replayed beside them.
    """
    devices = recipe.devices.count
    steps = total_steps(recipe.training, rows, devices)
    epoch = steps_per_epoch(recipe.training, rows, devices)
    replayed = round(replayed_per_epoch * steps / epoch)
    tokens = None
    if tokens_per_epoch is not None:
        tokens = round(tokens_per_epoch * steps / epoch) + replayed
    trainable = recipe.strategy.trainable_parameters(facts)
    share = trainable / facts.parameters if facts.parameters else 0.0
    extent = Extent(steps, epoch, warmup_steps(recipe.training, steps), share)
    return Plan(
        trainable=trainable,
        parameters=facts.parameters,
        rows=rows,
        steps=steps,
        tokens=tokens,
        replayed=replayed,
        notes=tuple(notes(recipe, facts)),
        learning_rate=judged(recipe, facts),
        risk=assess(recipe, facts, answers, extent) if answers else None,
    )


def notes(recipe: Recipe, facts: ModelFacts) -> list[str]:
    """What a step is made of where several devices take it, and what each protection takes."""
    needs = {
        protection.card.title: protection.extra_cost(recipe, facts)
        for protection in recipe.retention.active().values()
    }
    told = [f"{title} needs {need}" for title, need in needs.items() if need]
    return [*_together(recipe), *told]


def _together(recipe: Recipe) -> list[str]:
    count, training = recipe.devices.count, recipe.training
    if count == 1:
        return []
    micro, accumulated = training.micro_batch_size, training.gradient_accumulation_steps
    each = f"{micro} rows" if accumulated == 1 else f"{accumulated} x {micro} rows"
    return [f"{count} devices take {each} each: {count * accumulated * micro:,} rows a step"]


def steps_per_epoch(training: TrainingSection, rows: int, devices: int = 1) -> int:
    """Optimiser steps that see every row once; the last one may be smaller."""
    batches = math.ceil(rows / training.micro_batch_size)
    return max(1, math.ceil(batches / (training.gradient_accumulation_steps * devices)))


def total_steps(training: TrainingSection, rows: int, devices: int = 1) -> int:
    """Optimiser steps of the whole run."""
    if training.max_steps is not None:
        return training.max_steps
    return max(1, math.ceil(training.num_train_epochs * steps_per_epoch(training, rows, devices)))


def warmup_steps(training: TrainingSection, steps: int) -> int:
    """Steps over which the learning rate climbs to its full value."""
    wanted = training.warmup_steps * steps if training.warmup_steps < 1 else training.warmup_steps
    return min(steps, math.ceil(wanted))
