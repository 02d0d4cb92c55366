"""The size of a run, computed before anything is loaded; the worker uses the same numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from workbench.planning.learning_rates import JudgedRate, judge
from workbench.planning.risk import Extent, Risk, assess

if TYPE_CHECKING:
    from workbench.data.narrowness import Narrowness
    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.recipe import Recipe
    from workbench.recipe.training import TrainingSection


class Plan(BaseModel):
    """What a run will do.

    Attributes:
        trainable: Parameters that are trained.
        parameters: Parameters of the base; 0 where unknown.
        rows: Training rows.
        steps: Optimiser steps.
        tokens: Tokens through the model in all steps, without padding; None before the dataset
            has been tokenised.
        replayed: How many of these are general text that is replayed, an estimate.
        notes: What else is known of the run and what it takes, one sentence each.
        learning_rate: None where no usual range is known.
        risk: The risk of forgetting; None where the answers were not examined.
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
        """Trainable parameters over all of the base's, 0 to 1; 0 where those are unknown."""
        return self.trainable / self.parameters if self.parameters else 0.0


def plan(
    recipe: Recipe,
    facts: ModelFacts,
    rows: int,
    tokens_per_epoch: int | None = None,
    answers: Narrowness | None = None,
    replayed_per_epoch: int = 0,
    notes: tuple[str, ...] = (),
) -> Plan:
    """Compute the size of a run.

    Args:
        recipe: The run.
        facts: The base model.
        rows: Training rows, without held-out ones.
        tokens_per_epoch: Tokens of all training rows, each once and truncated.
        answers: How narrow the answers are.
        replayed_per_epoch: Tokens of general text replayed beside them.
        notes: What else is known of the run.
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
        notes=(*notes, *_notes(recipe, facts)),
        learning_rate=judge(recipe, facts),
        risk=assess(recipe, facts, answers, extent) if answers else None,
    )


def steps_per_epoch(training: TrainingSection, rows: int, devices: int = 1) -> int:
    """Optimiser steps that see every row once; the last one may be smaller."""
    micro_batches = math.ceil(rows / training.micro_batch_size)
    return max(1, math.ceil(micro_batches / (training.gradient_accumulation_steps * devices)))


def total_steps(training: TrainingSection, rows: int, devices: int = 1) -> int:
    """Optimiser steps of the whole run."""
    if training.max_steps is not None:
        return training.max_steps
    return max(1, math.ceil(training.num_train_epochs * steps_per_epoch(training, rows, devices)))


def warmup_steps(training: TrainingSection, steps: int) -> int:
    """Steps over which the learning rate rises to its full value."""
    share_or_steps = training.warmup_steps
    return min(steps, math.ceil(share_or_steps * steps if share_or_steps < 1 else share_or_steps))


def _notes(recipe: Recipe, facts: ModelFacts) -> list[str]:
    """The rows of a step where several devices share it, and what retention methods cost."""
    costs = {
        protection.card.title: protection.extra_cost(recipe, facts)
        for protection in recipe.retention.active().values()
    }
    return [
        *_rows_per_step(recipe),
        *(f"{title} needs {cost}" for title, cost in costs.items() if cost),
    ]


def _rows_per_step(recipe: Recipe) -> list[str]:
    devices, training = recipe.devices.count, recipe.training
    if devices == 1:
        return []
    micro, accumulation = training.micro_batch_size, training.gradient_accumulation_steps
    share = f"{micro} rows" if accumulation == 1 else f"{accumulation} x {micro} rows"
    rows = devices * accumulation * micro
    return [f"{devices} devices take {share} each: {rows:,} rows per step"]
