"""All items of knowledge and behaviour together, whatever suite they are from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from workbench.evaluation.analysis import statistics
from workbench.evaluation.analysis.statistics import PairedScores

if TYPE_CHECKING:
    from collections.abc import Sequence


class PooledChange(NamedTuple):
    """The mean change over all items, with its interval.

    Attributes:
        p: Two-sided p-value that losses and gains are equally likely.
        variance: Variance of one item's change, clusters included.
    """

    n: int
    change: float
    low: float
    high: float
    p: float
    variance: float


def pooled_change(suites: Sequence[PairedScores], level: float) -> PooledChange:
    """Pool the items of several suites, stratified by suite.

    The change is ``sum_s n_s d_s / N``. Its variance is that within the suites,
    ``sum_s n_s v_s / N^2`` with ``v_s`` the variance of an item's change times the design effect of
    the suite's clusters; how much it exceeds that of N items alone is the design effect of the
    score interval (Tango 1998) on the summed losses and gains. Graded scores have the interval
    ``± z`` standard errors.
    """
    # 1. Put all items together; clusters stay inside their suites.
    everything = PairedScores(
        before=tuple(score for pairs in suites for score in pairs.before),
        after=tuple(score for pairs in suites for score in pairs.after),
    )
    n, changes = everything.n, everything.changes
    change = math.fsum(changes) / n
    # 2. The design effect of clusters and strata.
    within = math.fsum(
        pairs.n * statistics.change_variance(pairs, statistics.design_effect(pairs))
        for pairs in suites
        if any(pairs.changes)
    )
    alone = math.fsum((each - change) ** 2 for each in changes)
    effect = max(1.0, within / alone) if alone else 1.0
    # 3. Interval and p-value.
    variance = statistics.change_variance(everything, effect)
    if everything.is_binary:
        low, high = statistics.score_interval(
            everything.lost, everything.gained, n, level=level, effect=effect
        )
    else:
        reach = statistics.half_width(level) * math.sqrt(variance / n)
        low, high = change - reach, change + reach
    p = statistics.score_p(everything.lost, everything.gained, effect)
    return PooledChange(n, change, low, high, p, variance)
