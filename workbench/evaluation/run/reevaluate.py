"""Evaluating a run that has ended: base and result, measured as the worker would have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError, NotFoundError
from workbench.data.splitting import load_split
from workbench.evaluation.fingerprint import (
    Numerics,
    save_fingerprint,
    take_fingerprint,
    verify_base,
    verify_result,
)
from workbench.evaluation.run.baseline_cache import read_baseline
from workbench.evaluation.run.evaluator import Evaluator
from workbench.evaluation.run.further_looks import look_further
from workbench.models.dtype import read_dtypes
from workbench.models.loaded_base import open_base
from workbench.models.template_record import read_template
from workbench.runs import checkpoints

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from workbench.core.progress import ProgressCallback
    from workbench.evaluation.report import Report
    from workbench.recipe.evaluation import SuiteSize
    from workbench.runs.folder import RunFolder

_MEASURED_LATE = "The base was measured after training, from the untouched base model as it is now."


def reevaluate(
    run: RunFolder,
    report: ProgressCallback,
    size: SuiteSize | None = None,
    checkpoint: int | None = None,
) -> Path:
    """Measure the untouched base and the result of ``run``, and replace its report.

    The base is measured only if its results at this size are not stored yet. With size ``auto`` the
    report is replaced after every look, and further items are asked until all is decided.

    Args:
        run: A run that has ended.
        report: Called with what is being done.
        size: How many items of the probe suites are asked; None for the recipe's size, or ``quick``
            if the recipe asks none.
        checkpoint: Step of a checkpoint to measure instead of the result; its report is written
            into the checkpoint's folder.

    Returns:
        The report's file.

    Raises:
        NotFoundError: There is no such result or checkpoint.
        FtwbError: The base or the data can no longer be read.
    """
    tuned = _tuned_folder(run, checkpoint)
    file = run.report if checkpoint is None else tuned / run.report.name
    # 1. Both models at a fixed size, or at the first look.
    _measure(run, tuned, size, report).save(file)
    # 2. Further looks, until every question is decided.
    look_further(run, tuned, file, report)
    return file


def _measure(
    run: RunFolder, tuned: Path, size: SuiteSize | None, report: ProgressCallback
) -> Report:
    recipe = run.recipe()
    # 1. Load the base, and check that it is the one the run started from.
    split = load_split(recipe.data, recipe.training.seed)
    loaded = open_base(recipe, split, read_dtypes(run), report, read_template(run))
    default = "quick" if recipe.evaluation.size == "none" else recipe.evaluation.size
    evaluator = Evaluator(loaded, size or default, lambda text: report(text, 0, 0))
    fingerprint = take_fingerprint(loaded.base, loaded.tokenizer)
    notes = _check_base(run, fingerprint, Numerics.of(loaded.base))
    # 2. Measure the base, then the result.
    base = evaluator.measure_base(fingerprint, run.base, report)
    model = recipe.strategy.load(loaded.base, tuned)
    if tuned == run.model:
        verify_result(run, model, loaded.tokenizer)
    after = evaluator.measure(model, base, report)
    return evaluator.build_report(base, after, notes)


def _tuned_folder(run: RunFolder, checkpoint: int | None) -> Path:
    status = run.status()
    if status.live:
        raise BadInputError(f"{run.id} is {status.state}: wait until it has ended")
    if checkpoint is None:
        if not run.has_result():
            raise NotFoundError(f"{run.id} is {status.state} and has no result to measure")
        return run.model
    folder = checkpoints.folder_of(run, checkpoint)
    if not folder.is_dir():
        available = ", ".join(map(str, sorted(checkpoints.steps(run)))) or "none"
        raise NotFoundError(
            f"{run.id} has no checkpoint of step {checkpoint}; available: {available}"
        )
    return folder


def _check_base(run: RunFolder, fingerprint: Tensor, numerics: Numerics) -> tuple[str, ...]:
    """Refuse another base; store the fingerprint of one that is seen for the first time.

    Returns:
        A note for the report if the base was not measured before training.
    """
    stored = verify_base(run, fingerprint, numerics)
    if stored is None:
        save_fingerprint(fingerprint, numerics, run.base, late=True)
    taken_in_time = stored is not None and not stored.late
    return () if taken_in_time and read_baseline(run.base) else (_MEASURED_LATE,)
