"""The strength curve of a run: task and forgetting at several strengths."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.data.splitting import load_split
from workbench.evaluation.fingerprint import take_fingerprint
from workbench.evaluation.interpolation_curve import StrengthCurve, StrengthPoint
from workbench.evaluation.run.evaluator import Evaluator
from workbench.interpolation.strength import require_scalable
from workbench.models.dtype import read_dtypes
from workbench.models.loaded_base import open_base
from workbench.models.template_record import read_template
from workbench.strategies.interpolation import Interpolation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.core.progress import ProgressCallback
    from workbench.recipe.evaluation import SuiteSize
    from workbench.runs.folder import RunFolder


def measure_curve(
    run: RunFolder, alphas: Sequence[float], report: ProgressCallback, size: SuiteSize = "none"
) -> StrengthCurve:
    """Measure the result of ``run`` at each strength; nothing is written but the base's cache.

    The best strength is chosen on rows that no report covers.

    Args:
        run: A run with a result that can be scaled.
        alphas: Strengths: 0 is the base, 1 the result, above 1 an extrapolation.
        report: Called with what is being done.
        size: How many items of the probe suites are asked at each strength.

    Raises:
        BadInputError: There is no result, or it cannot be scaled.
        FtwbError: The base or the data can no longer be read.
    """
    require_scalable(run)
    recipe = run.recipe()
    # 1. Measure the untouched base.
    split = load_split(recipe.data, recipe.training.seed)
    loaded = open_base(recipe, split, read_dtypes(run), report, read_template(run))
    evaluator = Evaluator(loaded, size, lambda text: report(text, 0, 0), to_choose=True)
    fingerprint = take_fingerprint(loaded.base, loaded.tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        base = evaluator.measure_base(fingerprint, Path(folder), report)
    # 2. Load the result over it, and move it along the line.
    base_weights = dict(loaded.base.named_parameters())
    model = recipe.strategy.load(loaded.base, run.model)
    line = Interpolation.between(base_weights, model)
    points = []
    for number, alpha in enumerate(alphas, 1):
        line.set_alpha(alpha)
        prefix = f"strength {alpha:g}, {number} of {len(alphas)}"
        measurement = evaluator.measure(model, base, _prefixed(prefix, report))
        points.append(StrengthPoint.of(alpha, measurement))
    return StrengthCurve(base=StrengthPoint.of(0, base.results.measurement), points=tuple(points))


def _prefixed(prefix: str, report: ProgressCallback) -> ProgressCallback:
    return lambda description, done, total: report(f"{prefix}: {description}", done, total)
