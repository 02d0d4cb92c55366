"""The batches of one sampler, dealt out to several processes: none is dropped, none seen twice."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from torch.utils.data import Sampler

if TYPE_CHECKING:
    from collections.abc import Iterator


class EpochSampler(Protocol):
    """Draws batches of rows, in an order of its own in each epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[list[int]]: ...


class DealtSampler(Sampler[list[int]]):
    """Every process's share of the batches of another sampler, dealt out in turn.

    So the batches that a step takes on N devices are those that one process takes with N times
    the accumulation. accelerate's own shards leave out batches that are smaller or larger than the
    usual, and fill the last step of an epoch up with rows that were seen. Here who gets no batch in
    the last round gets one row of which nothing is learned.

    Attributes:
        batch_size: As the other sampler says it.
        drop_last: Always false; accelerate asks for it.
    """

    drop_last = False

    def __init__(self, batches: EpochSampler, rank: int, size: int, blank: int) -> None:
        """Deal.

        Args:
            batches: Draws the same batches in every process.
            rank: The number of this process.
            size: How many there are.
            blank: The row of which nothing is learned.
        """
        self._batches = batches
        self._rank = rank
        self._size = size
        self._blank = blank

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass; the Trainer calls this before each."""
        self._batches.set_epoch(epoch)

    def __len__(self) -> int:
        return math.ceil(len(self._batches) / self._size)

    def __iter__(self) -> Iterator[list[int]]:
        place = 0
        for place, batch in enumerate(self._batches, 1):
            if (place - 1) % self._size == self._rank:
                yield batch
        if 0 < place % self._size <= self._rank:
            yield [self._blank]
