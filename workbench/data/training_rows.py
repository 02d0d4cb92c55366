"""All that a run learns, in tokens: the rows of its datasets, and how an epoch mixes them."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from workbench.data.batches import SourceRow
from workbench.data.mixture import Mixture, epoch_rates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy import int64
    from numpy.typing import NDArray

    from workbench.data.rendering import Rendered
    from workbench.data.tokenising import TokenisedRows


class TrainingRows:
    """Rows of one or several datasets, one after the other.

    Attributes:
        names: What the datasets are called in events; empty where there is only one.
        mixture: Chooses the rows of an epoch.
        lengths: Tokens of each row, ``[rows]``.
        trained_tokens: Those of them that have a loss, ``[rows]``.
    """

    def __init__(
        self,
        datasets: Sequence[TokenisedRows],
        shares: Sequence[float | None],
        seed: int,
        names: Sequence[str] = (),
    ) -> None:
        """Mix datasets.

        Args:
            datasets: Each in tokens.
            shares: Share of the trained tokens that each has in an epoch; None for what is left.
            seed: Of the order of rows.
            names: What they are called, where there are several.
        """
        import numpy as np

        self.names = tuple(names)
        self._datasets = tuple(datasets)
        self._starts = [0, *accumulate(map(len, datasets))]
        self.lengths: NDArray[int64] = np.concatenate([rows.lengths for rows in datasets])
        self.trained_tokens: NDArray[int64] = np.concatenate(
            [rows.trained_tokens for rows in datasets]
        )
        tokens = [int(rows.trained_tokens.sum()) for rows in datasets]
        rates = epoch_rates(tokens, shares)
        self.mixture = Mixture([len(rows) for rows in datasets], rates, seed)

    def __len__(self) -> int:
        return self._starts[-1]

    def __iter__(self) -> Iterator[Rendered]:
        return (self[row] for row in range(len(self)))

    def __getitem__(self, row: int) -> Rendered:
        if not 0 <= row < len(self):
            raise IndexError(row)
        dataset = bisect_right(self._starts, row) - 1
        rendered = self._datasets[dataset][row - self._starts[dataset]]
        return rendered if len(self._datasets) == 1 else SourceRow.of(rendered, dataset)
