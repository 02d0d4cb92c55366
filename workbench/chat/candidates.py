"""What could answer in one more lane: runs on the same base, checkpoints, another strength."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.chat.protocol import Source
from workbench.core.errors import FtwbError
from workbench.runs.folder import Runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder


@dataclass(frozen=True)
class Candidate:
    """Something that can be opened beside the base.

    Attributes:
        key: What it is known by, unlike every other candidate.
        title: What its lane is called over its answers.
        detail: What is known of it.
    """

    key: str
    title: str
    detail: str
    run: RunFolder
    checkpoint: int | None = None

    def source(self, lane: str) -> Source:
        """What the engine is asked to open, as a lane of that name."""
        return Source(lane=lane, run=str(self.run.path), checkpoint=self.checkpoint)


def candidates(run: RunFolder) -> list[Candidate]:
    """Everything that may stand beside the base of ``run``: the nearest first.

    Its own checkpoints, the newest first; its result once more, for another strength; then every
    other run with a result on the same base.
    """
    recipe = run.recipe()
    return [*_checkpoints(run, recipe), _again(run, recipe), *_others(run, recipe)]


def checkpoint_steps(run: RunFolder) -> list[int]:
    """The steps of the checkpoints that are kept, the newest first."""
    return sorted((int(path.name[5:]) for path in run.checkpoints.glob("step-*")), reverse=True)


def _checkpoints(run: RunFolder, recipe: Recipe) -> Iterator[Candidate]:
    for step in checkpoint_steps(run):
        title = f"step {step} of {recipe.name}"
        yield Candidate(f"{run.id}@{step}", title, "checkpoint of this run", run, step)


def _again(run: RunFolder, recipe: Recipe) -> Candidate:
    return Candidate(run.id, recipe.name, "this result once more, at a strength of its own", run)


def _others(run: RunFolder, recipe: Recipe) -> Iterator[Candidate]:
    for other in Runs(run.path.parent).list():
        if other.id == run.id or not other.has_result():
            continue
        try:
            theirs = other.recipe()
        except FtwbError:  # a recipe of another version: that run cannot be opened either
            continue
        if _base(theirs) == _base(recipe):
            yield Candidate(other.id, theirs.name, f"{theirs.strategy.kind}  {other.id}", other)


def _base(recipe: Recipe) -> tuple[object, ...]:
    """What makes two runs start from the same weights."""
    return recipe.model.id, recipe.model.revision, recipe.strategy.quantization()
