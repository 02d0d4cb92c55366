"""What to do about a verdict, as commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.core.formatting import number, percent
from workbench.evaluation.analysis.findings import NextStep
from workbench.runs import checkpoints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.evaluation.analysis.findings import Findings
    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder

_REPLAY_SHARE = 0.2
_NEXT_SIZE = {"": "quick", "quick": "standard", "standard": "full"}


def next_steps(findings: Findings, run: RunFolder | None = None) -> tuple[NextStep, ...]:
    """What to do now, most helpful first.

    Args:
        findings: Complete but for the steps.
        run: The run, to name it and its recipe in the commands; None for ``RUN`` and ``RECIPE``.

    Raises:
        BadInputError: The recipe of the run cannot be read.
    """
    name = run.id if run else "RUN"
    if findings.verdict == "FAIL":
        return tuple(_after_failure(name, run))
    if findings.verdict == "PASS":
        return (NextStep(text="compare the answers yourself", arguments=("chat", name)),)
    return tuple(_while_open(findings, name))


def _after_failure(name: str, run: RunFolder | None) -> Iterator[NextStep]:
    recipe = run.recipe() if run else None
    file = str(run.recipe_file) if run else "RECIPE"
    yield _train_again(file, recipe)
    if recipe is None or not recipe.strategy.virtual_tokens():
        yield NextStep(
            text="find a strength between base and result that keeps more",
            arguments=("sweep-strength", name, "--choose", "best"),
        )
    saved = checkpoints.steps(run) if run else []
    if run is None or len(saved) > 1:
        step = str(saved[-1]) if saved else "STEP"
        yield NextStep(
            text="judge an earlier checkpoint",
            arguments=("evaluate", name, "--checkpoint", step),
        )


def _train_again(file: str, recipe: Recipe | None) -> NextStep:
    """With replay; if it was on already, more slowly."""
    if recipe is None or "replay" not in recipe.retention.active():
        return NextStep(
            text=f"train again with {percent(_REPLAY_SHARE)} of general text mixed in",
            arguments=("train", file, "--set", f"retention.replay.share={_REPLAY_SHARE}"),
        )
    rate = number(recipe.training.learning_rate / 3)
    return NextStep(
        text="train again at a third of the learning rate",
        arguments=("train", file, "--set", f"training.learning_rate={rate}"),
    )


def _while_open(findings: Findings, name: str) -> Iterator[NextStep]:
    if findings.size in _NEXT_SIZE:
        size = _NEXT_SIZE[findings.size]
        yield NextStep(
            text=f"ask more items, those of {size}", arguments=("evaluate", name, "--size", size)
        )
    yield NextStep(text="compare the answers yourself", arguments=("chat", name))
