"""The best strength of a curve, and curves on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.core.errors import BadInputError
from workbench.evaluation.interpolation_curve import StrengthCurve, StrengthPoint, read_curve

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.folder import RunFolder


def curve(*points: tuple[float, float | None, float, float | None]) -> StrengthCurve:
    return StrengthCurve(
        base=StrengthPoint(alpha=0, target_score=points[0][1], heldout_nll=3.0, kl=0.0),
        points=tuple(
            StrengthPoint(alpha=alpha, target_score=score, heldout_nll=nll, kl=kl)
            for alpha, score, nll, kl in points
        ),
    )


@pytest.mark.parametrize(
    ("points", "best"),
    [
        # 95 % of the gain from .1 to .9 is .86: .8 keeps it and forgets less than 1
        ([(0, 0.1, 3, 0), (0.6, 0.7, 2, 0.1), (0.8, 0.87, 2, 0.2), (1, 0.9, 2, 0.4)], 0.8),
        # without a score the held-out loss decides
        ([(0, None, 3, 0), (0.5, None, 2.05, 0.1), (1, None, 2.0, 0.4)], 0.5),
        # without general text the lowest strength
        ([(0, 0.1, 3, None), (0.5, 0.9, 2, None), (1, 0.9, 2, None)], 0.5),
        # nothing was learned
        ([(0, 0.5, 3, 0), (1, 0.4, 2, 0.4)], None),
    ],
)
def test_the_best_keeps_the_gain_and_forgets_least(
    points: list[tuple[float, float | None, float, float | None]], best: float | None
) -> None:
    point = curve(*points).best()
    assert (point and point.alpha) == best


def test_a_broken_curve_is_reported(new_run: Callable[..., RunFolder]) -> None:
    run = new_run()
    (run.path / "strength.json").write_text("{}")
    with pytest.raises(BadInputError, match="not a valid strength curve"):
        read_curve(run)
