"""Statistics of paired scores: tests, intervals and sample sizes, as pure functions.

The unit is the item, asked before and after training. ``lost`` counts the pairs that went from
right to wrong, ``gained`` those that went from wrong to right, ``n`` all pairs. All intervals are
95 %.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy import float64
    from numpy.typing import NDArray

    from workbench.evaluation.analysis.findings import Verdict

Z = NormalDist().inv_cdf(0.975)
"""Half width of a 95 % interval in standard errors: 1.96."""

POWER = Z + NormalDist().inv_cdf(0.8)
"""True effect in standard errors that is detected with 80 % power: 2.80, squared 7.85."""

HEADROOM = 0.05
"""Chance-corrected score below which a base has nothing to lose."""

_SEED = 20_250_101
_RESAMPLES = 2_000
_BISECTIONS = 60


@dataclass(frozen=True)
class PairedScores:
    """Scores of the same items before and after, 0 to 1, and the expected score of guessing."""

    before: tuple[float, ...]
    after: tuple[float, ...]
    chance: float = 0.0

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


def mcnemar(lost: int, gained: int) -> float:
    """Exact p-value of McNemar's test that losses and gains are equally likely (McNemar 1947).

    ``min(1, 2 P[Bin(lost + gained, 1/2) <= min(lost, gained)])``; on scores between 0 and 1 it is
    the sign test.
    """
    changed = lost + gained
    tail = sum(math.comb(changed, count) for count in range(min(lost, gained) + 1))
    return min(1.0, 2 * tail / (1 << changed))


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


def change_interval(pairs: PairedScores) -> tuple[float, float]:
    """Interval of the mean change: score interval for right and wrong, else bootstrap.

    If nothing changed, the bootstrap would have no width: the score interval is used there too.
    """
    if pairs.is_binary:
        return score_interval(pairs.lost, pairs.gained, pairs.n)
    return bootstrap_interval(pairs.changes)


def score_interval(lost: int, gained: int, n: int) -> tuple[float, float]:
    """Score interval of a paired change (Tango 1998, Statistics in Medicine 17, 891).

    All changes that McNemar's score test would not reject. The Wald interval ``change ± 1.96 SE``
    has no width if no item changed, as if twelve items had proven that nothing was lost; this one
    ends at ``z^2 / (n + z^2)`` there, and agrees with Wald for many items.
    """
    change = (gained - lost) / n
    low = _bisect(lambda shift: _score_statistic(shift, lost, gained, n) > Z, -1.0, change)
    high = _bisect(lambda shift: _score_statistic(shift, lost, gained, n) > -Z, change, 1.0)
    return low, high


def bootstrap_interval(
    values: Sequence[float], weights: Sequence[float] | None = None
) -> tuple[float, float]:
    """Percentile bootstrap of a (weighted) mean, from 2,000 seeded resamples of the values."""
    import numpy as np

    value = np.asarray(values, dtype=np.float64)
    weight = np.ones_like(value) if weights is None else np.asarray(weights, dtype=np.float64)
    rows = np.random.default_rng(_SEED).integers(0, len(value), (_RESAMPLES, len(value)))
    return _central_95((value * weight)[rows].sum(axis=1) / weight[rows].sum(axis=1))


def _score_statistic(shift: float, lost: int, gained: int, n: int) -> float:
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


def _central_95(samples: NDArray[float64]) -> tuple[float, float]:
    import numpy as np

    low, high = np.quantile(samples, [0.025, 0.975])
    return float(low), float(high)


def smallest_detectable(pairs: PairedScores) -> float:
    """Change that this many items detect with 80 % power: ``2.80 sqrt(pi / n)``.

    ``pi`` is the share of items that changed, or their mean squared change; if none changed, as if
    one had.
    """
    return min(1.0, POWER * math.sqrt(_squared_changes(pairs)) / pairs.n)


def items_needed(pairs: PairedScores, margin: float) -> int:
    """Items that decide about a margin with 80 % power: ``7.85 pi / margin^2``.

    ``pi`` as in :func:`smallest_detectable`. The items at hand did not decide, so it is at least
    twice their number.
    """
    needed = _squared_changes(pairs) / pairs.n * (POWER / margin) ** 2
    return max(math.ceil(needed), 2 * pairs.n)


def _squared_changes(pairs: PairedScores) -> float:
    return sum(change**2 for change in pairs.changes) or 1.0


def chance_corrected(score: float, chance: float) -> float:
    """Share of items that are known rather than guessed: ``max(0, (a - c) / (1 - c))``.

    Of k options a guess is right once in k, so an accuracy ``a`` includes ``(1 - a) / (k - 1)``
    lucky guesses. If any guess is right there is nothing to know, and the result is 0.
    """
    return max(0.0, (score - chance) / (1 - chance)) if chance < 1 else 0.0


def retention_index(capabilities: Sequence[PairedScores]) -> tuple[float, float, float]:
    """Mean share of what was known that is still known, with its interval: value, low, high.

    Per capability ``known_after / known_before`` of the chance-corrected scores, clipped to 0 to 1.
    The interval resamples the items of each capability in pairs, 2,000 times, seeded. Half an item
    of each kind (kept, lost, gained, never known) is added to what is drawn from, as Agresti and
    Min (2005) do: otherwise a few items of which none was lost would leave no doubt.
    """
    import numpy as np

    random = np.random.default_rng(_SEED)
    retained, resampled = [], []
    for pairs in capabilities:
        sides = (*pairs.before, 1, 1, 0, 0), (*pairs.after, 1, 0, 1, 0)
        scores = np.array(sides, dtype=np.float64)
        weights = np.array([1] * pairs.n + [0.5] * 4) / (pairs.n + 2)
        rows = random.choice(pairs.n + 4, (_RESAMPLES, pairs.n), p=weights)
        retained.append(_retained(scores[:, : pairs.n].mean(axis=1), pairs.chance))
        resampled.append(_retained(scores[:, rows].mean(axis=2), pairs.chance))
    return float(np.mean(retained)), *_central_95(np.mean(resampled, axis=0))


def _retained(scores: NDArray[float64], chance: float) -> NDArray[float64]:
    """Known after over known before, clipped to 0 to 1, from mean scores ``[2, ...]``."""
    import numpy as np

    known = np.clip((scores - chance) / (1 - chance), 0, None)
    retained: NDArray[float64] = np.clip(known[1] / np.maximum(known[0], HEADROOM), 0, 1)
    return retained
