"""What a page tells of the run itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.core.formatting import number
from workbench.runs.view import RunFollower

if TYPE_CHECKING:
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder

_POINTS = 240


@dataclass(frozen=True)
class About:
    """A run in a few words.

    Attributes:
        run: Its id.
        facts: Name and value of what it was made of.
        kl: Step and KL to base in nats per token, as watched while it was trained.
    """

    run: str
    facts: tuple[tuple[str, str], ...] = ()
    kl: tuple[tuple[float, float], ...] = ()


def about(run: RunFolder) -> About:
    """Read the recipe and the events of a run.

    Raises:
        BadInputError: Its recipe cannot be read.
    """
    watched = RunFollower(run).poll().series.get("retention.kl")
    curve = watched.points(_POINTS) if watched else []
    return About(
        run=run.id,
        facts=tuple(_facts(run.recipe())),
        kl=tuple((point.step, point.mean) for point in curve),
    )


def _facts(recipe: Recipe) -> list[tuple[str, str]]:
    return [
        ("base model", recipe.model.id),
        ("dataset", recipe.data.train),
        ("strategy", recipe.strategy.card.title),
        ("learning rate", number(recipe.training.learning_rate)),
        (
            "protection",
            ", ".join(each.card.title for each in recipe.retention.active().values()) or "none",
        ),
    ]
