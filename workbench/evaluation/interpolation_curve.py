"""strength.json: task and forgetting of a run's result at strengths between base and result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.core.errors import BadInputError, NotFoundError
from workbench.evaluation.report import token_mean

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.evaluation.report import Measurement
    from workbench.runs.folder import RunFolder

_KEPT_GAIN = 0.95
"""Share of the largest gain that the best strength must keep."""


class StrengthPoint(BaseModel):
    """Measurements at one strength; None for what the recipe does not measure.

    Attributes:
        alpha: 0 is the base, 1 the result as trained.
        target_score: Mean score of the held-out rows, 0 to 1.
        heldout_nll: Nats per labelled token of held-out rows.
        kl: KL to base on general text, nats per token.
        general_nll: Loss on general text, nats per token.
        suites: Mean score of each probe suite that was asked.
    """

    model_config = ConfigDict(frozen=True)

    alpha: float
    target_score: float | None = None
    heldout_nll: float | None = None
    kl: float | None = None
    general_nll: float | None = None
    suites: dict[str, float] = {}

    @classmethod
    def of(cls, alpha: float, measurement: Measurement) -> StrengthPoint:
        """Summarise the measurement of a model at one strength."""
        texts = measurement.general
        return cls(
            alpha=alpha,
            target_score=measurement.target_score,
            heldout_nll=measurement.heldout_nll,
            kl=token_mean(texts, [text.kl for text in texts]),
            general_nll=token_mean(texts, [text.nll for text in texts]),
            suites=_suite_means(measurement),
        )


class StrengthCurve(BaseModel):
    """A run's result at several strengths, and the untouched base.

    Attributes:
        base: The base itself, not the result at strength 0.
        points: From the lowest strength to the highest.
    """

    model_config = ConfigDict(frozen=True)

    base: StrengthPoint
    points: tuple[StrengthPoint, ...]

    def best(self) -> StrengthPoint | None:
        """Of the points that keep 95 % of the largest task gain, the one nearest to the base.

        The gain is that of the target score, or of the held-out loss without a score; nearest is
        the lowest KL to base, or the lowest strength if KL was not measured. None if no strength
        improves on the base, or the task was not measured.
        """
        largest_gain = max(map(self._gain, self.points))
        if largest_gain <= 0:
            return None
        good = [point for point in self.points if self._gain(point) >= _KEPT_GAIN * largest_gain]
        return min(good, key=lambda point: (point.kl or 0.0, point.alpha))

    def save(self, run: RunFolder) -> None:
        """Replace the run's curve atomically."""
        run.files.write_atomic(_file(run), self.model_dump_json(indent=1))

    def _gain(self, point: StrengthPoint) -> float:
        if point.target_score is not None and self.base.target_score is not None:
            return point.target_score - self.base.target_score
        if point.heldout_nll is not None and self.base.heldout_nll is not None:
            return self.base.heldout_nll - point.heldout_nll
        return 0.0


def read_curve(run: RunFolder) -> StrengthCurve:
    """The strength curve that was last measured for a run.

    Raises:
        NotFoundError: None was measured.
        BadInputError: The file cannot be read.
    """
    path = _file(run)
    if not run.files.is_file(path):
        raise NotFoundError(
            f"{run.id} has no strength curve; 'ftwb sweep-strength {run.id}' measures it"
        )
    try:
        return StrengthCurve.model_validate_json(run.files.read_bytes(path))
    except (OSError, ValidationError) as error:
        raise BadInputError(
            f"{path}: not a valid strength curve; 'ftwb sweep-strength {run.id}' measures it again"
        ) from error


def _file(run: RunFolder) -> Path:
    return run.path / "strength.json"


def _suite_means(measurement: Measurement) -> dict[str, float]:
    scores: dict[str, list[float]] = {}
    for item in measurement.items:
        scores.setdefault(item.suite, []).append(item.score)
    return {name: sum(values) / len(values) for name, values in scores.items()}
