"""Rows of several datasets in one epoch, each dataset with its share of the trained tokens."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import int64
    from numpy.typing import NDArray


class Mixture:
    """Chooses the rows of each epoch.

    An epoch has as many trained tokens as all datasets together, so that it takes about as many
    steps as without shares. A dataset's share of them decides how often it is read in an epoch:
    half of its rows at 0.5, all of them twice at 2. Over the epochs every row of a dataset comes
    equally often, in a new order each time. Without any shares, an epoch is every row once.

    Attributes:
        rows: Rows of each dataset in an epoch, ``[datasets]``.
    """

    def __init__(self, counts: Sequence[int], rates: Sequence[float], seed: int) -> None:
        """Mix datasets whose rows are numbered one after the other, from 0.

        Args:
            counts: Rows of each dataset.
            rates: How often each is read in an epoch; see :func:`epoch_rates`.
            seed: Of the order of rows.
        """
        self.rows = [
            min(1, count) if count * rate < 1 else round(count * rate)
            for count, rate in zip(counts, rates, strict=True)
        ]
        self._bounds = list(pairwise(accumulate(counts, initial=0)))
        self._seed = seed

    def __len__(self) -> int:
        return sum(self.rows)

    def epoch(self, number: int) -> NDArray[int64]:
        """The rows of an epoch, numbered from 0; dataset by dataset.

        Each dataset is read as an endless series of shuffled passes, of which every epoch takes the
        next part.
        """
        import numpy as np

        return np.concatenate(
            [
                start + self._part(dataset, stop - start, rows * number, rows * (number + 1))
                for dataset, ((start, stop), rows) in enumerate(
                    zip(self._bounds, self.rows, strict=True)
                )
            ]
        )

    def _part(self, dataset: int, count: int, start: int, stop: int) -> NDArray[int64]:
        """Rows of the series of passes over a dataset, from one place to another."""
        import numpy as np

        if start == stop or not count:
            return np.empty(0, np.int64)
        if stop - start == count and start % count == 0:
            return np.arange(count)
        first = start // count
        passes = [
            np.random.default_rng([self._seed, dataset, number]).permutation(count)
            for number in range(first, -(-stop // count))
        ]
        return np.concatenate(passes)[start - first * count : stop - first * count]


def epoch_rates(tokens: Sequence[float], shares: Sequence[float | None]) -> list[float]:
    """How often each dataset is read in an epoch, so that it has its share of trained tokens.

    With T tokens in all datasets together, of which t are in one with the share s, that is s T / t.
    Datasets without a share have what is left of T in proportion to their tokens.

    Args:
        tokens: Trained tokens of each dataset.
        shares: Shares, 0 to 1; None for a dataset without one.
    """
    total = sum(tokens)
    pairs = list(zip(tokens, shares, strict=True))
    left = 1 - sum(share for share in shares if share is not None)
    without = sum(own for own, share in pairs if share is None)
    if left == 1:
        return [1.0 for _ in tokens]
    return [
        left * total / without if share is None else share * total / own if own else 0.0
        for own, share in pairs
    ]
