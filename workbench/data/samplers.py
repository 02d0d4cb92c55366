"""Which rows go into one batch: rows of similar length, replayed rows, and shares of processes."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Protocol

from torch.utils.data import Sampler

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy import int64
    from numpy.typing import NDArray

    from workbench.data.mixture import Mixture

    Lengths = Sequence[int] | NDArray[int64]
    """Tokens of rows."""

_BATCHES_PER_POOL = 50
_MIN_POOLS = 4


class EpochSampler(Protocol):
    """A batch sampler with a new order in every epoch."""

    @property
    def batch_size(self) -> int:
        """Rows of the dataset in a batch."""

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[list[int]]: ...


class LengthBucketSampler(Sampler[list[int]]):
    """Yields the rows of an epoch in random batches of rows of similar length.

    1. Rows are shuffled and cut into pools of 50 batches, or fewer where that leaves less than four
       pools, so that rows meet others in the next epoch.
    2. Each pool is sorted by length and cut into batches, so that little is padded.
    3. All batches are shuffled.

    The order depends on the seed and the epoch alone.

    Attributes:
        batch_size: Rows in every batch but one, which may be smaller.
        drop_last: Always false; accelerate asks for it.
    """

    drop_last = False

    def __init__(
        self, lengths: Lengths, batch_size: int, seed: int, mixture: Mixture | None = None
    ) -> None:
        """Sample rows.

        Args:
            lengths: Tokens of each row; rows are numbered from 0.
            batch_size: Rows in a batch.
            seed: Of the order.
            mixture: Chooses the rows of an epoch; without it, every row comes once.
        """
        self.batch_size = batch_size
        self._lengths = lengths
        self._mixture = mixture
        self._rows = len(lengths) if mixture is None else len(mixture)
        self._seed = seed
        self._epoch = 0
        batches = min(_BATCHES_PER_POOL, self._rows // (_MIN_POOLS * batch_size))
        self._pool_size = batch_size * max(1, batches)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass; the Trainer calls this before each."""
        self._epoch = epoch

    def __len__(self) -> int:
        return math.ceil(self._rows / self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        generator = random.Random(f"{self._seed} {self._epoch}")  # noqa: S311 - not a secret
        mixture = self._mixture
        rows = list(range(self._rows)) if mixture is None else mixture.epoch(self._epoch).tolist()
        generator.shuffle(rows)
        for start in range(0, len(rows), self._pool_size):
            pool = slice(start, start + self._pool_size)
            rows[pool] = sorted(rows[pool], key=self._lengths.__getitem__)
        batches = [
            rows[start : start + self.batch_size] for start in range(0, len(rows), self.batch_size)
        ]
        generator.shuffle(batches)
        yield from batches


class ReplaySampler(Sampler[list[int]]):
    """Adds general rows to the batches of another sampler, in a fixed share of trained tokens.

    With a share s, each batch with t trained tokens of the dataset should get t·s/(1 - s) trained
    tokens of general rows. Rows are added while the amount still owed is at least half of the next
    row; the remainder is carried over to the next batch. General rows are drawn without
    replacement, in a new order every epoch, and again only after all have been drawn.

    Attributes:
        batch_size: Rows of the dataset in a batch.
        drop_last: Always false; accelerate asks for it.
    """

    drop_last = False

    def __init__(
        self,
        batches: EpochSampler,
        trained_tokens: Lengths,
        general_tokens: Sequence[int],
        share: float,
        seed: int,
    ) -> None:
        """Add to ``batches``.

        Args:
            batches: Samples the dataset's rows, numbered from 0.
            trained_tokens: Trained tokens of each of them.
            general_tokens: Trained tokens of each general row; these follow in the numbering.
            share: General share of all trained tokens, below 1.
            seed: Of the order of the general rows.
        """
        self.batch_size = batches.batch_size
        self._batches = batches
        self._trained_tokens = trained_tokens
        self._general_tokens = general_tokens
        self._ratio = share / (1 - share)
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass; the Trainer calls this before each."""
        self._epoch = epoch
        self._batches.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[int]]:
        general = self._draw_general()
        following = next(general)
        owed = 0.0
        for batch in self._batches:
            owed += self._ratio * sum(int(self._trained_tokens[row]) for row in batch)
            added = []
            while owed >= self._general_tokens[following] / 2:
                owed -= self._general_tokens[following]
                added.append(len(self._trained_tokens) + following)
                following = next(general)
            yield batch + added

    def _draw_general(self) -> Iterator[int]:
        generator = random.Random(f"{self._seed} {self._epoch} replay")  # noqa: S311 - not a secret
        rows = range(len(self._general_tokens))
        while True:
            yield from generator.sample(rows, len(rows))


class DistributedBatchSampler(Sampler[list[int]]):
    """One process's share of the batches of another sampler, taken in turn.

    A step of N processes takes the batches that one process takes with N times the accumulation.
    accelerate's own shards drop batches of an unusual size and fill the last step of an epoch with
    rows seen before. Here, processes without a batch in the last round get one row without labels.

    Attributes:
        drop_last: Always false; accelerate asks for it.
    """

    drop_last = False

    def __init__(self, batches: EpochSampler, rank: int, world_size: int, blank: int) -> None:
        """Take every ``world_size``-th batch.

        Args:
            batches: Yields the same batches in every process.
            rank: The number of this process.
            world_size: The number of processes.
            blank: The row without labels.
        """
        self._batches = batches
        self._rank = rank
        self._world_size = world_size
        self._blank = blank

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass; the Trainer calls this before each."""
        self._batches.set_epoch(epoch)

    def __len__(self) -> int:
        return math.ceil(len(self._batches) / self._world_size)

    def __iter__(self) -> Iterator[list[int]]:
        count = 0
        for count, batch in enumerate(self._batches, 1):
            if (count - 1) % self._world_size == self._rank:
                yield batch
        if 0 < count % self._world_size <= self._rank:
            yield [self._blank]
