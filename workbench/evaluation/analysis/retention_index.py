"""The retention index: how much of what the base knew is still known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.evaluation.analysis.statistics import HEADROOM, LEVEL, central_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import float64
    from numpy.random import Generator
    from numpy.typing import NDArray

    from workbench.evaluation.analysis.statistics import PairedScores

_SEED = 20_250_101
_RESAMPLES = 2_000
_HALF_ITEMS = ((1, 1), (1, 0), (0, 1), (0, 0))
"""Scores before and after of an item that was kept, lost, gained, never known."""


def retention_index(
    capabilities: Sequence[PairedScores], level: float = LEVEL
) -> tuple[float, float, float]:
    """Mean share of what was known that is still known, with its interval: value, low, high.

    Per capability ``known_after / known_before`` of the chance-corrected scores. It is not clipped:
    clipping each capability at 1 would drop gains and keep losses, and put the index below 1 where
    nothing was lost. The interval resamples clusters of items, in pairs, 2,000 times, seeded. Half
    an item of each kind (kept, lost, gained, never known) is added to what is drawn from, as
    Agresti and Min (2005) do: otherwise a few items of which none was lost would leave no doubt.
    """
    import numpy as np

    random = np.random.default_rng(_SEED)
    shares = [_shares(pairs, random) for pairs in capabilities]
    value = float(np.mean([share for share, _ in shares]))
    return value, *central_interval(np.mean([samples for _, samples in shares], axis=0), level)


def _shares(pairs: PairedScores, random: Generator) -> tuple[float, NDArray[float64]]:
    """The retained share of one capability, and that of its resamples."""
    import numpy as np

    # 1. Sum the items of each cluster, and of the half items.
    groups = pairs.groups()
    sums = [
        (len(group), sum(pairs.before[i] for i in group), sum(pairs.after[i] for i in group))
        for group in groups
    ]
    rows = np.array([*sums, *((1, *half) for half in _HALF_ITEMS)], dtype=np.float64)
    # 2. Draw as many clusters as there are; equal ones are one kind, which most single items are.
    weights = np.array([1] * len(groups) + [0.5] * len(_HALF_ITEMS)) / (len(groups) + 2)
    kinds, kind = np.unique(rows, axis=0, return_inverse=True)
    counts = random.multinomial(len(groups), np.bincount(kind.ravel(), weights=weights), _RESAMPLES)
    # 3. Divide what is known after by what was known before.
    sampled = counts @ kinds
    whole = rows[: len(groups)].sum(axis=0)
    return float(_retained(whole, pairs.chance)), _retained(sampled, pairs.chance)


def _retained(sums: NDArray[float64], chance: float) -> NDArray[float64]:
    """Known after over known before, from items and summed scores before and after ``[..., 3]``."""
    import numpy as np

    known = (sums[..., 1:] / sums[..., :1] - chance) / (1 - chance)
    retained: NDArray[float64] = known[..., 1] / np.maximum(known[..., 0], HEADROOM)
    return retained
