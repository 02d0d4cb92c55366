"""What paired scores can and cannot tell: tests, intervals and sizes, as pure functions.

The unit is the item, asked before and after. ``lost`` counts the pairs that went from right to
wrong, ``gained`` those that went from wrong to right, ``n`` all of them. Intervals hold 95 %.
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
"""Standard deviations from the middle of a normal distribution to the end of its middle 95 %."""

POWER = Z + NormalDist().inv_cdf(0.8)
"""The same, and as far again as four of five samples stray: 2.80, squared 7.85."""

HEADROOM = 0.05
"""Chance-corrected score below which there is nothing to lose."""

_SEED = 20_250_101
_RESAMPLES = 2_000
_HALVINGS = 60


@dataclass(frozen=True)
class Pairs:
    """Scores of the same items before and after, 0 to 1, and what guessing would score."""

    before: tuple[float, ...]
    after: tuple[float, ...]
    chance: float = 0.0

    @property
    def n(self) -> int:
        """How many items."""
        return len(self.before)

    @property
    def lost(self) -> int:
        """Items whose score fell."""
        return sum(after < before for before, after in zip(self.before, self.after, strict=True))

    @property
    def gained(self) -> int:
        """Items whose score rose."""
        return sum(after > before for before, after in zip(self.before, self.after, strict=True))

    @property
    def changes(self) -> list[float]:
        """After minus before, item by item."""
        return [after - before for before, after in zip(self.before, self.after, strict=True)]


def mcnemar(lost: int, gained: int) -> float:
    """Exact p-value of losses and gains being equally likely (McNemar 1947).

    ``min(1, 2 P[Bin(lost + gained, 1/2) <= min(lost, gained)])``; on scores between 0 and 1 it is
    the sign test on falls and rises.
    """
    changed = lost + gained
    tail = sum(math.comb(changed, count) for count in range(min(lost, gained) + 1))
    return min(1.0, 2 * tail / (1 << changed))


def standard_error(pairs: Pairs) -> float:
    """Of the mean change: ``sqrt(sum d^2 - (sum d)^2 / n) / n``.

    Of right and wrong that is ``sqrt(lost + gained - (lost - gained)^2 / n) / n``.
    """
    changes = pairs.changes
    spread = math.fsum(change**2 for change in changes) - math.fsum(changes) ** 2 / pairs.n
    return math.sqrt(max(0.0, spread)) / pairs.n


def score_interval(lost: int, gained: int, n: int) -> tuple[float, float]:
    """95 % interval of the paired change (Tango 1998, Statistics in Medicine 17, 891).

    All changes that McNemar's score test would not reject. ``change +- 1.96 standard_error`` has
    no width where no item changed, as if twelve items had proven that nothing was lost; this one
    ends at ``z^2 / (n + z^2)`` there, and is the same for many items.
    """
    change = (gained - lost) / n
    low = _root(lambda shift: _score(shift, lost, gained, n) > Z, -1.0, change)
    high = _root(lambda shift: _score(shift, lost, gained, n) > -Z, change, 1.0)
    return low, high


def change_interval(pairs: Pairs) -> tuple[float, float]:
    """95 % interval of the mean change: of right and wrong by score, else by bootstrap.

    Where nothing changed a bootstrap would have no width: there too the score interval is used.
    """
    if set(pairs.changes) <= {-1.0, 0.0, 1.0}:
        return score_interval(pairs.lost, pairs.gained, pairs.n)
    return bootstrap_interval(pairs.changes)


def _score(shift: float, lost: int, gained: int, n: int) -> float:
    """McNemar's score statistic were the true change ``shift``; falls as that grows."""
    linear = -lost - gained + (2 * n - gained + lost) * shift
    constant = -lost * shift * (1 - shift)
    loss_rate = (math.sqrt(linear**2 - 8 * n * constant) - linear) / (4 * n)
    variance = n * (2 * loss_rate + shift * (1 - shift))
    return (gained - lost - n * shift) / math.sqrt(max(variance, sys.float_info.min))


def _root(left: Callable[[float], bool], low: float, high: float) -> float:
    """Where ``left`` turns from true to false between two ends, by halving."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if left(middle) else (low, middle)
    return (low + high) / 2


def bootstrap_interval(
    values: Sequence[float], weights: Sequence[float] | None = None
) -> tuple[float, float]:
    """95 % interval of a (weighted) mean: percentiles over 2,000 seeded resamples of the values."""
    import numpy as np

    value = np.asarray(values, dtype=np.float64)
    weight = np.ones_like(value) if weights is None else np.asarray(weights, dtype=np.float64)
    drawn = np.random.default_rng(_SEED).integers(0, len(value), (_RESAMPLES, len(value)))
    return _middle((value * weight)[drawn].sum(axis=1) / weight[drawn].sum(axis=1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number (Holm 1979): the k-th smallest times those not below it."""
    corrected = [0.0] * len(p_values)
    worst = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = worst
    return corrected


def known_share(score: float, chance: float) -> float:
    """Share of the items that is known, not guessed: ``max(0, (a - chance) / (1 - chance))``.

    Of k options a guess is right once in k, so among accuracy ``a`` there are ``(1 - a) / (k - 1)``
    lucky guesses. Where any guess is right there is nothing to know.
    """
    return max(0.0, (score - chance) / (1 - chance)) if chance < 1 else 0.0


def retention_index(capabilities: Sequence[Pairs]) -> tuple[float, float, float]:
    """Share of what was known that is kept, each capability's cut to 0 to 1: mean, low, high.

    The interval resamples the items of each capability in pairs, 2,000 times, seeded. Half an item
    of each kind (kept, lost, gained, never known) is added to what is drawn from, as Agresti and
    Min (2005) do: else few items of which none was lost would leave no doubt.
    """
    import numpy as np

    random = np.random.default_rng(_SEED)
    kept, drawn = [], []
    for part in capabilities:
        sides = (*part.before, 1, 1, 0, 0), (*part.after, 1, 0, 1, 0)
        scores = np.array(sides, dtype=np.float64)
        chances = np.array([1] * part.n + [0.5] * 4) / (part.n + 2)
        rows = random.choice(part.n + 4, (_RESAMPLES, part.n), p=chances)
        kept.append(_kept(scores[:, : part.n].mean(axis=1), part.chance))
        drawn.append(_kept(scores[:, rows].mean(axis=2), part.chance))
    return float(np.mean(kept)), *_middle(np.mean(drawn, axis=0))


def _kept(scores: NDArray[float64], chance: float) -> NDArray[float64]:
    """Known after over known before, 0 to 1, of mean scores ``[2, ...]``."""
    import numpy as np

    known = np.clip((scores - chance) / (1 - chance), 0, None)
    kept: NDArray[float64] = np.clip(known[1] / np.maximum(known[0], HEADROOM), 0, 1)
    return kept


def _middle(drawn: NDArray[float64]) -> tuple[float, float]:
    import numpy as np

    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def smallest_detectable(pairs: Pairs) -> float:
    """Change that four of five samples of so many items would show: ``2.8 sqrt(pi / n)``.

    ``pi`` is the share of items that changed, or their mean squared change; where none did, as if
    one had.
    """
    return min(1.0, POWER * math.sqrt(_moved(pairs)) / pairs.n)


def items_needed(pairs: Pairs, margin: float) -> int:
    """Items that would decide about a margin in four of five samples: ``7.85 pi / margin^2``.

    ``pi`` as in :func:`smallest_detectable`. As the items at hand did not decide, it is at least
    as many again.
    """
    needed = _moved(pairs) / pairs.n * (POWER / margin) ** 2
    return max(math.ceil(needed), 2 * pairs.n)


def _moved(pairs: Pairs) -> float:
    return sum(change**2 for change in pairs.changes) or 1.0


def gate_state(change: float, low: float, high: float, margin: float) -> Verdict:
    """Non-inferiority in three states.

    PASS: the interval excludes a loss of the margin. FAIL: the loss is the margin or more, and the
    interval excludes no loss. INCONCLUSIVE: there are too few items to say.
    """
    if low > -margin:
        return "PASS"
    if change <= -margin and high < 0:
        return "FAIL"
    return "INCONCLUSIVE"
