"""Where a climbing curve is going."""

from __future__ import annotations

import math
from statistics import correlation, linear_regression
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.runs.series import Series

_POINTS = 64
_FEWEST = 8
_NOTABLE = 0.01
"""Share of the limit that a curve has to climb before it is called climbing."""
_STEADY = 0.9
"""Correlation with the step from which on a climb is called steady."""


def full_at(curve: Series, limit: float) -> int | None:
    """The step at which the curve meets ``limit`` at the pace of the later half of its steps.

    None where it does not climb, climbs in a leap, or has too few points to tell. Of neighbouring
    values that share a point the lowest counts: in a climb it is the first, whose step is known.
    """
    points = curve.points(_POINTS)
    recent = points[len(points) // 2 :]
    steps, lows = [point.step for point in recent], [point.low for point in recent]
    if len(recent) < _FEWEST or steps[0] == steps[-1]:
        return None
    if lows[-1] - lows[0] < _NOTABLE * limit or correlation(steps, lows) < _STEADY:
        return None
    pace = linear_regression(steps, lows).slope
    return math.ceil(steps[-1] + max(0.0, limit - lows[-1]) / pace)
