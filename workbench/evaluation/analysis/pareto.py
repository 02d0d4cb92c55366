"""The Pareto front of runs that are known up to their intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from workbench.evaluation.analysis.findings import Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Differences = Callable[[str, str], tuple[Interval, Interval]]


class Position(NamedTuple):
    """What a run learned and retained, more of each being better."""

    run: str
    learned: float
    retained: float


def pareto_front(positions: Sequence[Position], differences: Differences) -> frozenset[str]:
    """Ids of the runs that no other run is shown to dominate.

    A run dominates another if it is at least as good on both axes, and better on one of them by
    more than chance: the interval of that difference excludes zero.

    Args:
        positions: Where the runs are.
        differences: Of two runs, the first minus the second: learned and retained.
    """

    def dominates(one: Position, other: Position) -> bool:
        at_least = one.learned >= other.learned and one.retained >= other.retained
        return at_least and any(each.low > 0 for each in differences(one.run, other.run))

    return frozenset(
        position.run
        for position in positions
        if not any(dominates(each, position) for each in positions if each is not position)
    )


def independent_difference(first: Interval, second: Interval) -> Interval:
    """Difference of two values with intervals of their own, as if they were independent.

    The half widths add as ``sqrt(a^2 + b^2)``; it is wider than the paired difference.
    """
    value = first.value - second.value
    below = math.hypot(first.value - first.low, second.high - second.value)
    above = math.hypot(first.high - first.value, second.value - second.low)
    return Interval(value=value, low=value - below, high=value + above)


def negated(interval: Interval) -> Interval:
    """The interval of the value with its sign changed."""
    return Interval(value=-interval.value, low=-interval.high, high=-interval.low)
