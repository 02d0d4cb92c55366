"""Statistics of paired scores: tests, intervals and sample sizes, as pure functions.

The unit is the item, asked before and after training. ``lost`` counts the pairs that went from
right to wrong, ``gained`` those that went from wrong to right, ``n`` all pairs. Items made from one
template or content are a cluster: they change together, so that n of them tell less than n items
of their own, by the design effect. Intervals are 95 % unless a level is given.
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy import float64
    from numpy.typing import NDArray

    from workbench.evaluation.analysis.findings import Verdict

LEVEL = 0.95
"""Confidence of an interval, if nothing else is said."""

Z = NormalDist().inv_cdf(0.975)
"""Half width of a 95 % interval in standard errors: 1.96."""

POWER = Z + NormalDist().inv_cdf(0.8)
"""True effect in standard errors that is detected with 80 % power: 2.80, squared 7.85."""

HEADROOM = 0.05
"""Chance-corrected score below which a base has nothing to lose."""

MOST_ITEMS = 10_000
"""Items beyond which nobody will ask: a verdict that needs more is never reached."""

_POINT = NormalDist().inv_cdf(0.8)
"""0.84, squared 0.71: distance in standard errors at which a mean is beyond a limit four times in
five."""

_SEED = 20_250_101
_RESAMPLES = 2_000
_BISECTIONS = 60


def half_width(level: float) -> float:
    """Half width of an interval of this confidence, in standard errors: 1.96 for 0.95."""
    return NormalDist().inv_cdf((1 + level) / 2)


@dataclass(frozen=True)
class PairedScores:
    """Scores of the same items before and after, 0 to 1, and the expected score of guessing.

    Attributes:
        clusters: Cluster of each item; empty if every item is its own.
    """

    before: tuple[float, ...]
    after: tuple[float, ...]
    chance: float = 0.0
    clusters: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Number of items."""
        return len(self.before)

    @property
    def lost(self) -> int:
        """Items whose score fell."""
        return sum(change < 0 for change in self.changes)

    @property
    def gained(self) -> int:
        """Items whose score rose."""
        return sum(change > 0 for change in self.changes)

    @property
    def changes(self) -> list[float]:
        """``after - before``, item by item."""
        return [after - before for before, after in zip(self.before, self.after, strict=True)]

    @property
    def is_binary(self) -> bool:
        """Whether every change is one between right and wrong, or none."""
        return set(self.changes) <= {-1.0, 0.0, 1.0}

    def groups(self) -> list[list[int]]:
        """Places of the items, cluster by cluster."""
        if not self.clusters:
            return [[place] for place in range(self.n)]
        groups = defaultdict(list)
        for place, cluster in enumerate(self.clusters):
            groups[cluster].append(place)
        return list(groups.values())


def mcnemar(lost: int, gained: int) -> float:
    """Exact p-value of McNemar's test that losses and gains are equally likely (McNemar 1947).

    ``min(1, 2 P[Bin(lost + gained, 1/2) <= min(lost, gained)])``; on scores between 0 and 1 it is
    the sign test.
    """
    changed = lost + gained
    tail = sum(math.comb(changed, count) for count in range(min(lost, gained) + 1))
    return min(1.0, 2 * tail / (1 << changed))


def score_p(lost: int, gained: int, effect: float) -> float:
    """P-value that losses and gains are equally likely, for items in clusters too.

    McNemar's exact test; with a design effect above 1 at least that of the score test,
    ``z^2 = (gained - lost)^2 / (deff (gained + lost))``.
    """
    exact = mcnemar(lost, gained)
    if effect == 1 or not lost + gained:
        return exact
    z = abs(gained - lost) / math.sqrt(effect * (gained + lost))
    return max(exact, 2 * NormalDist().cdf(-z))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for multiple testing (Holm 1979).

    The k-th smallest of m is multiplied by m - k + 1, and is at least as large as those before it.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def non_inferiority(change: float, low: float, high: float, margin: float) -> Verdict:
    """Verdict on a change with its interval, given the largest loss that is tolerated.

    PASS: the interval excludes a loss of the margin. FAIL: the loss is the margin or more, and the
    interval excludes no loss. INCONCLUSIVE: there are too few items to tell.
    """
    if low > -margin:
        return "PASS"
    if change <= -margin and high < 0:
        return "FAIL"
    return "INCONCLUSIVE"


def standard_error(pairs: PairedScores) -> float:
    """Standard error of the mean change: ``sqrt(sum d^2 - (sum d)^2 / n) / n``.

    For right and wrong that is ``sqrt(lost + gained - (lost - gained)^2 / n) / n``.
    """
    changes = pairs.changes
    spread = math.fsum(change**2 for change in changes) - math.fsum(changes) ** 2 / pairs.n
    return math.sqrt(max(0.0, spread)) / pairs.n


def design_effect(pairs: PairedScores) -> float:
    """Variance of the mean change over what it would be if items changed one by one; at least 1.

    ``C / (C - 1) sum_c (S_c - n_c d)^2 / sum_i (d_i - d)^2`` over C clusters with ``n_c`` items and
    summed change ``S_c``, where ``d`` is the mean change (Kish 1965).
    """
    groups, changes = pairs.groups(), pairs.changes
    if not 1 < len(groups) < pairs.n:
        return 1.0
    mean = math.fsum(changes) / pairs.n
    alone = math.fsum((change - mean) ** 2 for change in changes)
    together = math.fsum(math.fsum(changes[i] - mean for i in group) ** 2 for group in groups)
    if not alone:
        return 1.0
    return max(1.0, len(groups) / (len(groups) - 1) * together / alone)


def change_interval(pairs: PairedScores, level: float = LEVEL) -> tuple[float, float]:
    """Interval of the mean change: score interval for right and wrong, else bootstrap.

    If nothing changed, the bootstrap would have no width: the score interval is used there too.
    """
    if pairs.is_binary:
        effect = design_effect(pairs)
        return score_interval(pairs.lost, pairs.gained, pairs.n, level=level, effect=effect)
    changes = pairs.changes
    groups = pairs.groups()
    means = [math.fsum(changes[i] for i in group) / len(group) for group in groups]
    return bootstrap_interval(means, [len(group) for group in groups], level=level)


def score_interval(
    lost: float, gained: float, n: float, *, level: float = LEVEL, effect: float = 1.0
) -> tuple[float, float]:
    """Score interval of a paired change (Tango 1998, Statistics in Medicine 17, 891).

    All changes that McNemar's score test would not reject. The Wald interval ``change ± 1.96 SE``
    has no width if no item changed, as if twelve items had proven that nothing was lost; this one
    ends at ``z^2 / (n + z^2)`` there, and agrees with Wald for many items. Clusters make it that of
    ``n / effect`` items, of which ``lost / effect`` and ``gained / effect`` changed.
    """
    lost, gained, n, z = lost / effect, gained / effect, n / effect, half_width(level)
    change = (gained - lost) / n
    low = _bisect(lambda shift: _score_statistic(shift, lost, gained, n) > z, -1.0, change)
    high = _bisect(lambda shift: _score_statistic(shift, lost, gained, n) > -z, change, 1.0)
    return low, high


def bootstrap_interval(
    values: Sequence[float], weights: Sequence[float] | None = None, *, level: float = LEVEL
) -> tuple[float, float]:
    """Percentile bootstrap of a (weighted) mean, from 2,000 seeded resamples of the values."""
    import numpy as np

    value = np.asarray(values, dtype=np.float64)
    weight = np.ones_like(value) if weights is None else np.asarray(weights, dtype=np.float64)
    rows = np.random.default_rng(_SEED).integers(0, len(value), (_RESAMPLES, len(value)))
    samples = (value * weight)[rows].sum(axis=1) / weight[rows].sum(axis=1)
    return central_interval(samples, level)


def _score_statistic(shift: float, lost: float, gained: float, n: float) -> float:
    """McNemar's score statistic under a true change of ``shift``; decreasing in ``shift``.

    ``(gained - lost - n shift) / sqrt(n (2 q + shift (1 - shift)))``, where the loss rate ``q`` is
    the constrained maximum-likelihood estimate, the positive root of a quadratic (Tango 1998).
    """
    linear = -lost - gained + (2 * n - gained + lost) * shift
    constant = -lost * shift * (1 - shift)
    loss_rate = (math.sqrt(linear**2 - 8 * n * constant) - linear) / (4 * n)
    variance = n * (2 * loss_rate + shift * (1 - shift))
    return (gained - lost - n * shift) / math.sqrt(max(variance, sys.float_info.min))


def _bisect(is_left: Callable[[float], bool], low: float, high: float) -> float:
    """Where ``is_left`` turns from true to false between two ends."""
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_left(middle) else (low, middle)
    return (low + high) / 2


def central_interval(samples: NDArray[float64], level: float = LEVEL) -> tuple[float, float]:
    """The middle part of samples, of this share."""
    import numpy as np

    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def smallest_detectable(pairs: PairedScores, effect: float = 1.0) -> float:
    """Change that this many items detect with 80 % power: ``2.80 sqrt(pi deff / n)``.

    ``pi`` is the share of items that changed, or their mean squared change; if none changed, as if
    one had.
    """
    return min(1.0, POWER * math.sqrt(effect * _squared_changes(pairs)) / pairs.n)


def items_needed(n: int, change: float, margin: float, variance: float) -> int:
    """Items that decide with 80 % power whether a loss reaches the margin; 0 if none will.

    With the observed change ``d``, margin ``m`` and ``v`` the variance of one item's change:

    * ``d > -m``: PASS, the lower end is above the margin: ``7.85 v / (m + d)^2``.
    * ``d < -m``: FAIL, the upper end is below 0 and the loss beyond the margin:
      ``max(7.85 v / d^2, 0.71 v / (|d| - m)^2)``.

    The items at hand did not decide, so it is at least twice their number; so near the margin that
    it would be more than 10,000, no number of items will decide.
    """
    if change >= -margin:
        return rows_needed(n, change + margin, variance)
    beyond = rows_needed(n, POWER / _POINT * (change + margin), variance)
    return max(beyond, rows_needed(n, change, variance)) if beyond else 0


def rows_needed(n: int, distance: float, variance: float) -> int:
    """Rows that tell a mean from a limit at this distance with 80 % power: ``7.85 v / distance^2``.

    At least twice the rows at hand, which did not; 0 if more than 10,000.
    """
    if POWER**2 * variance > MOST_ITEMS * distance**2:
        return 0
    return max(math.ceil(POWER**2 * variance / distance**2), 2 * n)


def change_variance(pairs: PairedScores, effect: float = 1.0) -> float:
    """Variance of one item's change, ``(pi - d^2) deff``; if none changed, as if one had."""
    pi = _squared_changes(pairs) / pairs.n
    mean = math.fsum(pairs.changes) / pairs.n
    return effect * max(pi - mean**2, 1 / pairs.n**2)


def _squared_changes(pairs: PairedScores) -> float:
    return sum(change**2 for change in pairs.changes) or 1.0


def chance_corrected(score: float, chance: float) -> float:
    """Share of items that are known rather than guessed: ``max(0, (a - c) / (1 - c))``.

    Of k options a guess is right once in k, so an accuracy ``a`` includes ``(1 - a) / (k - 1)``
    lucky guesses. If any guess is right there is nothing to know, and the result is 0.
    """
    return max(0.0, (score - chance) / (1 - chance)) if chance < 1 else 0.0
