"""What a page says about the run itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.core.formatting import number
from workbench.runs.view import RunFollower

if TYPE_CHECKING:
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder

_CURVE_POINTS = 240


@dataclass(frozen=True)
class About:
    """A run in a few words.

    Attributes:
        run: Its id.
        facts: Names and values of its main settings.
        kl: Step and KL to base in nats per token, as measured during training.
    """

    run: str
    facts: tuple[tuple[str, str], ...] = ()
    kl: tuple[tuple[float, float], ...] = ()


def about(run: RunFolder) -> About:
    """Read the recipe and the events of a run.

    Raises:
        BadInputError: The recipe cannot be read.
    """
    series = RunFollower(run).poll().series.get("retention.kl")
    points = series.points(_CURVE_POINTS) if series else []
    return About(
        run=run.id,
        facts=tuple(_facts(run.recipe())),
        kl=tuple((point.step, point.mean) for point in points),
    )


def _facts(recipe: Recipe) -> list[tuple[str, str]]:
    protections = [protection.card.title for protection in recipe.retention.active().values()]
    return [
        ("recipe", recipe.name),
        ("base model", recipe.model.id),
        ("dataset", recipe.data.train),
        ("strategy", recipe.strategy.card.title),
        ("learning rate", number(recipe.training.learning_rate)),
        ("protection", ", ".join(protections) or "none"),
    ]
