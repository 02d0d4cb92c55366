"""Measuring a run that has ended: base and result, as the worker would have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError, NotFoundError
from workbench.data.splitting import load_split
from workbench.evaluation.fingerprint import (
    Held,
    read_fingerprint,
    save_fingerprint,
    take_fingerprint,
)
from workbench.evaluation.run.baseline_cache import read_baseline
from workbench.evaluation.run.evaluator import Evaluator
from workbench.models.dtype import read_dtypes
from workbench.models.loaded_base import open_base

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from workbench.core.progress import ProgressCallback
    from workbench.evaluation.fingerprint import Fingerprint
    from workbench.recipe.evaluation import SuiteSize
    from workbench.runs.folder import RunFolder

_MEASURED_NOW = "The base was measured after training, from the untouched base model as it is now."
"""What a reader must know of a base that is measured after the fact."""


def remeasure(
    run: RunFolder,
    report: ProgressCallback,
    size: SuiteSize | None = None,
    checkpoint: int | None = None,
) -> Path:
    """Ask the untouched base and the result of ``run`` everything, and write the report anew.

    The base is measured only where that was not done before at this size.

    Args:
        run: One that is not at work.
        report: Told what is being done.
        size: How much of the probe suites is asked; the recipe's without it, or ``quick`` where
            the recipe asks none.
        checkpoint: The step whose checkpoint is measured instead of the result; its report stands
            in its own folder.

    Returns:
        The report's file.

    Raises:
        NotFoundError: There is no such result or checkpoint.
        FtwbError: The base or the data can no longer be read.
    """
    tuned = _tuned(run, checkpoint)
    recipe = run.recipe()
    split = load_split(recipe.data, recipe.training.seed)
    loaded = open_base(recipe, split, read_dtypes(run), report)
    usual = "quick" if recipe.evaluation.size == "none" else recipe.evaluation.size
    evaluator = Evaluator(loaded, size or usual, lambda text: report(text, 0, 0))
    fingerprint = take_fingerprint(loaded.base, loaded.tokenizer)
    notes = _notes(run, fingerprint, Held.of(loaded.base))
    base = evaluator.base(fingerprint, run.base, report)
    after = evaluator.result(recipe.strategy.load(loaded.base, tuned), base, report)
    file = run.report if checkpoint is None else tuned / run.report.name
    evaluator.report(base, after, notes).save(file)
    return file


def refuse_another_base(run: RunFolder, logits: Tensor, held: Held) -> Fingerprint | None:
    """What ``run`` keeps of the base it started from, None where it keeps nothing.

    Raises:
        BadInputError: This is another base, or what is kept is broken.
    """
    stored = read_fingerprint(run.base)
    if stored is not None and not stored.fits(logits, held):
        raise BadInputError(
            f"the base model is no longer the one {run.id} started from: its logits are others; "
            "put the old one back, or set model.revision"
        )
    return stored


def _tuned(run: RunFolder, checkpoint: int | None) -> Path:
    status = run.status()
    if status.live:
        raise BadInputError(f"{run.id} is {status.state}: wait until it has ended")
    if checkpoint is None:
        if not run.has_result():
            raise NotFoundError(f"{run.id} is {status.state} and has no result to measure")
        return run.model
    folder = run.checkpoints / f"step-{checkpoint}"
    if not folder.is_dir():
        steps = sorted(int(path.name[5:]) for path in run.checkpoints.glob("step-*"))
        there = f"there are {', '.join(map(str, steps))}" if steps else "it has none"
        raise NotFoundError(f"{run.id} has no checkpoint of step {checkpoint}; {there}")
    return folder


def _notes(run: RunFolder, fingerprint: Tensor, held: Held) -> tuple[str, ...]:
    """What a reader must know of a base that is measured after the fact; another is refused."""
    stored = refuse_another_base(run, fingerprint, held)
    if stored is None:
        save_fingerprint(fingerprint, held, run.base, late=True)
    at_the_time = stored is not None and not stored.late
    return () if at_the_time and read_baseline(run.base) else (_MEASURED_NOW,)
