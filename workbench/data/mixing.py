"""General rows beside the dataset's in every batch, in a fixed share of the learned tokens."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import torch
from torch.utils.data import Sampler

from workbench.data.batches import Collator
from workbench.data.rendering import Rendered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from workbench.data.batches import LengthBucketSampler, Tokenised
    from workbench.retention.base import GeneralRow


class Replayed(Rendered):
    """A row that practises the old; its loss is logged apart."""

    @classmethod
    def of(cls, row: GeneralRow) -> Replayed:
        """The same tokens, marked."""
        return cls(row.input_ids, row.labels, row.truncated)


class MixingSampler(Sampler[list[int]]):
    """Batches of another sampler, each with general rows added to it.

    As many are added as bring the share of learned tokens nearest to the asked one; what is too
    much or too little in one batch is made up for in the next. They are drawn without replacement,
    in an order drawn anew each epoch, and start over only when all have been drawn.

    Attributes:
        batch_size: Rows of the dataset in a batch.
        drop_last: Always false; accelerate asks for it.
    """

    drop_last = False

    def __init__(
        self,
        targets: LengthBucketSampler,
        learned: Sequence[int],
        pool: Sequence[int],
        share: float,
        seed: int,
    ) -> None:
        """Mix.

        Args:
            targets: Draws the dataset's rows, numbered from 0.
            learned: Learned tokens of each of them.
            pool: Learned tokens of each general row; these are numbered after the dataset's.
            share: General share of all learned tokens, below 1.
            seed: Of the order of the general rows.
        """
        self.batch_size = targets.batch_size
        self._targets = targets
        self._learned = learned
        self._pool = pool
        self._ratio = share / (1 - share)
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass; the Trainer calls this before each."""
        self._epoch = epoch
        self._targets.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._targets)

    def __iter__(self) -> Iterator[list[int]]:
        drawn = self._draw()
        following = next(drawn)
        owed = 0.0
        for batch in self._targets:
            owed += self._ratio * sum(self._learned[index] for index in batch)
            added = []
            while owed >= self._pool[following] / 2:
                owed -= self._pool[following]
                added.append(len(self._learned) + following)
                following = next(drawn)
            yield batch + added

    def _draw(self) -> Iterator[int]:
        draw = random.Random(f"{self._seed} {self._epoch} replay")  # noqa: S311 - an order
        while True:
            yield from draw.sample(range(len(self._pool)), len(self._pool))


class MixingCollator(Collator):
    """Also tells which rows are replayed."""

    def __call__(self, rows: Sequence[Tokenised]) -> dict[str, Tensor]:
        """Add ``replay``, boolean [rows]."""
        replay = [isinstance(row, Replayed) for row in rows]
        return super().__call__(rows) | {"replay": torch.tensor(replay)}


def by_source(batch: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Split a batch into ``target`` and ``replay``, each as short as its own longest row."""
    if "replay" not in batch:
        return {"target": dict(batch)}
    sources = {"target": ~batch["replay"], "replay": batch["replay"]}
    return {name: _only(batch, chosen) for name, chosen in sources.items() if chosen.any()}


def _only(batch: Mapping[str, Tensor], chosen: Tensor) -> dict[str, Tensor]:
    longest = int(batch["attention_mask"][chosen].sum(1).max())
    return {name: tensor[chosen, :longest] for name, tensor in batch.items() if name != "replay"}
