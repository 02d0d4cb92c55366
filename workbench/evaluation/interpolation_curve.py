"""strength.json: what a result knows and has forgotten at strengths between its base and itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.core import files
from workbench.core.errors import BadInputError, NotFoundError
from workbench.evaluation.analysis.paired_results import mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from workbench.evaluation.report.report import Measurement
    from workbench.runs.folder import RunFolder

_KEPT_GAIN = 0.95
"""Share of the largest gain that the best strength must keep."""


class StrengthPoint(BaseModel):
    """One strength on both axes; None where the recipe measures no such thing.

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
    def of(cls, alpha: float, done: Measurement) -> StrengthPoint:
        """Sum up what the model did at one strength."""
        texts = done.general
        return cls(
            alpha=alpha,
            target_score=done.target_score,
            heldout_nll=done.heldout_nll,
            kl=mean(texts, [text.kl for text in texts]) if texts else None,
            general_nll=mean(texts, [text.nll for text in texts]) if texts else None,
            suites=_means(done),
        )


class StrengthCurve(BaseModel):
    """The points of a sweep, and the untouched base beside them.

    Attributes:
        base: The base itself, not the result at strength 0.
        points: From the lowest strength to the highest.
    """

    model_config = ConfigDict(frozen=True)

    base: StrengthPoint
    points: tuple[StrengthPoint, ...]

    def best(self) -> StrengthPoint | None:
        """The point nearest to the base of those that keep 95 % of the largest gain at the task.

        The gain is that of the target score, or of the held-out loss where there is no score;
        nearest is the lowest KL to base, or the lowest strength where that was not measured. None
        where no strength does better at the task than the base, or the task was not measured.
        """
        most = max(map(self._gain, self.points))
        if most <= 0:
            return None
        good = [point for point in self.points if self._gain(point) >= _KEPT_GAIN * most]
        return min(good, key=lambda point: (point.kl or 0.0, point.alpha))

    def save(self, run: RunFolder) -> None:
        """Replace the run's curve in one step."""
        files.write_atomic(_file(run), self.model_dump_json(indent=1))

    def _gain(self, point: StrengthPoint) -> float:
        if point.target_score is not None and self.base.target_score is not None:
            return point.target_score - self.base.target_score
        if point.heldout_nll is not None and self.base.heldout_nll is not None:
            return self.base.heldout_nll - point.heldout_nll
        return 0.0


def read_curve(run: RunFolder) -> StrengthCurve:
    """The curve of the last sweep of a run.

    Raises:
        NotFoundError: There was none.
        BadInputError: It cannot be read.
    """
    path = _file(run)
    if not path.is_file():
        raise NotFoundError(f"{run.id} was not swept: 'ftwb sweep-strength {run.id}' does it")
    try:
        return StrengthCurve.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise BadInputError(f"{path}: is no curve of strengths; sweep the run again") from error


def _file(run: RunFolder) -> Path:
    return run.path / "strength.json"


def _means(done: Measurement) -> Mapping[str, float]:
    scores: dict[str, list[float]] = {}
    for item in done.items:
        scores.setdefault(item.suite, []).append(item.score)
    return {name: sum(found) / len(found) for name, found in scores.items()}
