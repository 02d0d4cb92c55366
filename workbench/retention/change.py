"""What the protections that hold weights share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import BadInputError
from workbench.recipe.section import field

if TYPE_CHECKING:
    from workbench.recipe.facts import ModelFacts
    from workbench.recipe.recipe import Recipe

Application = Literal["loss", "proximal"]

_FLOAT32 = 4


def application_field() -> Any:
    """The field that says how weights are pulled back."""
    return field(
        "loss",
        title="Applied as",
        help="A term of the loss, or a pull after each step, which is stable for any strength.",
        advanced=True,
    )


def refuse_unless_weights_move(recipe: Recipe, kind: str, apply: Application) -> None:
    """Refuse a protection that would have nothing to hold, or would be pulled elsewhere.

    Raises:
        BadInputError: Naming the field and what to do instead.
    """
    strategy, training = recipe.strategy, recipe.training
    if strategy.change == "other":
        raise BadInputError(
            f"retention.{kind}: {strategy.kind} as set does not change the base's weights by a "
            "plain difference that could be held; use kl or replay, which work with every strategy"
        )
    if strategy.change == "weights" and training.weight_decay > 0:
        raise BadInputError(
            f"retention.{kind}: it pulls the weights to the base while training.weight_decay pulls "
            "them to zero; set training.weight_decay to 0"
        )
    if strategy.change == "low_rank" and apply == "proximal":
        raise BadInputError(
            f"retention.{kind}.apply: the proximal step holds single weights, and {strategy.kind} "
            "changes products of matrices; use loss"
        )


def weight_bytes(recipe: Recipe, facts: ModelFacts, *, copies: int) -> str:
    """Size of float32 copies of all trained weights, such as ``1.1 GB``."""
    size = recipe.strategy.trainable_parameters(facts) * _FLOAT32 * copies
    return f"{size / 1e9:.2g} GB"
