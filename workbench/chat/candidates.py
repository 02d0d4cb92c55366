"""What can be opened in a further lane: checkpoints, another strength, runs on the same base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.chat.protocol import Source
from workbench.chat.titles import base_name
from workbench.core.errors import FtwbError
from workbench.runs import checkpoints
from workbench.runs.folder import Runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder


@dataclass(frozen=True)
class Candidate:
    """Weights that can be opened beside the base.

    Attributes:
        key: Identifies it among the candidates.
        title: The title of its lane.
        detail: What the user may want to know before choosing it.
    """

    key: str
    title: str
    detail: str
    run: RunFolder
    checkpoint: int | None = None

    def source(self, lane: str) -> Source:
        """The engine's source for a lane of that name."""
        return Source(lane=lane, run=str(self.run.path), checkpoint=self.checkpoint)


def candidates(run: RunFolder) -> list[Candidate]:
    """Everything that can be opened beside the base of ``run``.

    Its own checkpoints, newest first; its result once more, for another strength; then every other
    run with a result on the same base.
    """
    recipe = run.recipe()
    return [*_checkpoints(run, recipe), _same_result(run, recipe), *_other_runs(run, recipe)]


def _checkpoints(run: RunFolder, recipe: Recipe) -> Iterator[Candidate]:
    for step in checkpoints.steps(run):
        title = f"step {step} of {recipe.name}"
        yield Candidate(f"{run.id}@{step}", title, "checkpoint of this run", run, step)


def _same_result(run: RunFolder, recipe: Recipe) -> Candidate:
    return Candidate(run.id, recipe.name, "this result once more, at another strength", run)


def _other_runs(run: RunFolder, recipe: Recipe) -> Iterator[Candidate]:
    for other in Runs(run.path.parent).list():
        if other.id == run.id or not other.has_result():
            continue
        try:
            other_recipe = other.recipe()
        except FtwbError:  # written by another version: that run cannot be opened either
            continue
        if base_name(other_recipe) == base_name(recipe):
            detail = f"{other_recipe.strategy.kind}  {other.id}"
            yield Candidate(other.id, other_recipe.name, detail, other)
