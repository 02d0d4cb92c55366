"""The base class of EWC and L2-SP: a quadratic penalty on the distance from the base's weights."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.core.errors import BadInputError
from workbench.recipe.base import field
from workbench.retention.base import Protection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.recipe import Recipe
    from workbench.retention.base import BaseContext, Guard
    from workbench.strategies.base import Strategy

_FLOAT32_BYTES = 4


class WeightPenaltyProtection(Protection):
    """Pulls the trained weights back to where they started.

    Attributes:
        copies: Float32 tensors kept in memory for each trained weight of the base.
    """

    copies: ClassVar[int]
    needs_whole_weights: ClassVar[bool] = True

    strength: float | None
    apply: Literal["loss", "proximal"] = field(
        "loss",
        title="Applied as",
        help="How the penalty reaches the weights.",
        choices={
            "loss": "a term of the loss",
            "proximal": "a correction after each step, stable for any strength; its step size is "
            "that of each weight under AdamW, and one for each tensor where the optimiser's second "
            "moments cannot be read: 8 bits, Lion, Adafactor",
        },
        advanced=True,
    )

    def check(self, recipe: Recipe, facts: ModelFacts) -> None:
        """Refuse strategies without weights to penalise, and pulls in two directions."""
        del facts
        strategy, training = recipe.strategy, recipe.training
        if strategy.delta_kind == "other":
            raise BadInputError(
                f"retention.{self.kind}: {strategy.kind} as set trains neither weights of the base "
                "nor LoRA's two factors alone, but tokens, layers, norms or singular vectors, "
                f"which {self.kind} cannot penalise; use kl or replay, which work with every "
                "strategy"
            )
        if strategy.delta_kind == "weights" and training.weight_decay > 0:
            raise BadInputError(
                f"retention.{self.kind}: it pulls the weights towards the base while "
                "training.weight_decay pulls them towards zero; set training.weight_decay to 0"
            )
        if strategy.delta_kind == "low_rank" and self.apply == "proximal":
            raise BadInputError(
                f"retention.{self.kind}.apply: the proximal step works on single weights, and "
                f"{strategy.kind} trains products of matrices; use loss"
            )

    @abstractmethod
    def strength_for(self, strategy: Strategy) -> float:
        """Lambda, which may have another default for LoRA than for whole weights."""

    def extra_cost(self, recipe: Recipe, facts: ModelFacts) -> str:
        """Memory for the copies; next to none for low-rank products."""
        if recipe.strategy.delta_kind == "low_rank":
            return ""
        size = recipe.strategy.trainable_parameters(facts) * _FLOAT32_BYTES * self.copies
        return f"about {size / 1e9:.2g} GB more memory"

    def penalty_guard(self, context: BaseContext, fisher: Mapping[str, Tensor] | None) -> Guard:
        """The guard that penalises each weight by its Fisher information, or all alike if None."""
        from workbench.retention.penalties.fisher import gradient_limit
        from workbench.retention.penalties.low_rank import LowRankPenalty
        from workbench.retention.penalties.step_sizes import StepSizes
        from workbench.retention.penalties.weights import WeightPenalty

        recipe, strength = context.recipe, self.strength_for(context.recipe.strategy)
        if recipe.strategy.delta_kind == "low_rank":
            return LowRankPenalty(self.kind, strength, fisher)
        if self.apply == "loss":
            seed = recipe.training.seed
            limit = gradient_limit(fisher, seed=seed) if fisher else math.inf
            return WeightPenalty(self.kind, strength, fisher, limit=limit)
        steps = StepSizes(adaptive=recipe.training.optim != "sgd")
        return WeightPenalty(self.kind, strength, fisher, proximal=steps)
