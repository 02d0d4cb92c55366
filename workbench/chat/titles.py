"""The lanes of a chat and what stands over them."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from workbench.models import smollm2

if TYPE_CHECKING:
    from workbench.recipe.recipe import Recipe

LANES = ("base", "tuned")


def lane_titles(recipe: Recipe) -> dict[str, str]:
    """Which model answers in each lane: the base by its short name, the tuned one by its run's."""
    chosen = recipe.model.id
    base = smollm2.NAME if chosen == "demo" else PurePath(chosen).name
    return {"base": base, "tuned": recipe.name}
