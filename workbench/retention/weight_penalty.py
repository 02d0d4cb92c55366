"""What the protections that hold weights share."""

from __future__ import annotations

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

_FLOAT32 = 4


class WeightProtection(Protection):
    """Pulls the weights that are trained back to where they started.

    Attributes:
        copies: Float32 tensors that it keeps beside each trained weight of the base.
    """

    copies: ClassVar[int]
    holds_weights: ClassVar[bool] = True

    strength: float
    apply: Literal["loss", "proximal"] = field(
        "loss",
        title="Applied as",
        help="A term of the loss, or a pull after each step, which is stable for any strength.",
        advanced=True,
    )

    def check(self, recipe: Recipe, facts: ModelFacts) -> None:
        """Refuse to hold what is no weight, and to be pulled elsewhere."""
        del facts
        strategy, training = recipe.strategy, recipe.training
        if strategy.delta_kind == "other":
            raise BadInputError(
                f"retention.{self.kind}: {strategy.kind} as set trains neither weights of the base "
                "nor LoRA's two factors alone, but tokens, layers, lengths or singular vectors, "
                f"and {self.kind} can hold none of these; use kl or replay, which work with every "
                "strategy"
            )
        if strategy.delta_kind == "weights" and training.weight_decay > 0:
            raise BadInputError(
                f"retention.{self.kind}: it pulls the weights to the base while "
                "training.weight_decay pulls them to zero; set training.weight_decay to 0"
            )
        if strategy.delta_kind == "low_rank" and self.apply == "proximal":
            raise BadInputError(
                f"retention.{self.kind}.apply: the proximal step holds single weights, and "
                f"{strategy.kind} changes products of matrices; use loss"
            )

    def needs(self, recipe: Recipe, facts: ModelFacts) -> str:
        """Memory for the copies; next to none where products are held."""
        if recipe.strategy.delta_kind == "low_rank":
            return ""
        size = recipe.strategy.trainable_parameters(facts) * _FLOAT32 * self.copies
        return f"about {size / 1e9:.2g} GB more memory"

    def hold(self, context: BaseContext, stiffness: Mapping[str, Tensor] | None) -> Guard:
        """Hold each weight by its ``stiffness``, or all alike."""
        from workbench.retention.penalties.weights import LowRankAnchor, WeightAnchor

        if context.recipe.strategy.delta_kind == "low_rank":
            return LowRankAnchor(self.kind, self.strength, stiffness)
        return WeightAnchor(self.kind, self.strength, stiffness, proximal=self.apply == "proximal")
