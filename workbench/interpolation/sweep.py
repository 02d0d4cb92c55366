"""One result at many strengths: what it knows of its task, and what it has forgotten, at each."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.data.splitting import load_split
from workbench.evaluation.fingerprint import take_fingerprint
from workbench.evaluation.interpolation_curve import StrengthCurve, StrengthPoint
from workbench.evaluation.run.evaluator import Evaluator
from workbench.interpolation.strength import refuse_without_strength
from workbench.models.dtype import read_dtypes
from workbench.models.loaded_base import open_base
from workbench.strategies.interpolation import Interpolation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.core.progress import ProgressCallback
    from workbench.recipe.evaluation import SuiteSize
    from workbench.runs.folder import RunFolder


def sweep(
    run: RunFolder, alphas: Sequence[float], report: ProgressCallback, size: SuiteSize = "none"
) -> StrengthCurve:
    """Measure the result of ``run`` at each strength; nothing is written but the cache.

    Args:
        run: One with a result whose strategy has a strength.
        alphas: 0 is the base, 1 the result, above 1 an extrapolation.
        report: Told what is being done.
        size: How much of the probe suites is asked at each strength.

    Raises:
        BadInputError: There is no result, or its strategy has no strength.
        FtwbError: The base or the data can no longer be read.
    """
    refuse_without_strength(run)
    recipe = run.recipe()
    split = load_split(recipe.data, recipe.training.seed)
    loaded = open_base(recipe, split, read_dtypes(run), report)
    evaluator = Evaluator(loaded, size, lambda text: report(text, 0, 0))
    fingerprint = take_fingerprint(loaded.base, loaded.tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        base = evaluator.base(fingerprint, Path(folder), report)
    start = dict(loaded.base.named_parameters())
    model = recipe.strategy.load(loaded.base, run.model)
    line = Interpolation.between(start, model)
    points = []
    for place, alpha in enumerate(alphas, 1):
        name = f"strength {alpha:g}, {place} of {len(alphas)}"
        line.set_alpha(alpha)
        done = evaluator.result(model, base, _named(name, report))
        points.append(StrengthPoint.of(alpha, done))
    return StrengthCurve(base=StrengthPoint.of(0, base.results.measurement), points=tuple(points))


def _named(name: str, report: ProgressCallback) -> ProgressCallback:
    return lambda what, done, total: report(f"{name}: {what}", done, total)
