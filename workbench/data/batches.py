"""Batches of rows of similar length, so that little is computed on padding."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Protocol

import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Sampler

from workbench.data.rendering import IGNORE_INDEX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

_POOL = 50
_POOLS = 4


class Tokenised(Protocol):
    """A row in tokens."""

    @property
    def input_ids(self) -> list[int]:
        """Token ids, without padding."""

    @property
    def labels(self) -> list[int]:
        """As long as ``input_ids``: the id where it is learned, -100 elsewhere."""


class LengthBucketSampler(Sampler[list[int]]):
    """Yield every row once an epoch, in random batches of similar length.

    Rows are shuffled, cut into pools, sorted by length inside each pool, cut into batches, and the
    batches shuffled. A pool holds up to 50 batches, but no more than a quarter of the rows where
    that is possible, so that rows meet others in the next epoch. The order depends on
    the seed and the epoch alone.

    Attributes:
        batch_size: Rows in every batch but one, which may be smaller.
        drop_last: Always false; accelerate asks for it.
    """

    drop_last = False

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        """Take the length of every row, in tokens."""
        self.batch_size = batch_size
        self._lengths = lengths
        self._seed = seed
        self._epoch = 0
        batches = min(_POOL, len(lengths) // (_POOLS * batch_size))
        self._pool = batch_size * max(1, batches)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass; the Trainer calls this before each."""
        self._epoch = epoch

    def __len__(self) -> int:
        return math.ceil(len(self._lengths) / self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        draw = random.Random(f"{self._seed} {self._epoch}")  # noqa: S311 - an order, not a secret
        rows = list(range(len(self._lengths)))
        draw.shuffle(rows)
        for start in range(0, len(rows), self._pool):
            pool = slice(start, start + self._pool)
            rows[pool] = sorted(rows[pool], key=self._lengths.__getitem__)
        batches = [
            rows[start : start + self.batch_size] for start in range(0, len(rows), self.batch_size)
        ]
        draw.shuffle(batches)
        yield from batches


def parts_of(batch: Mapping[str, Tensor], parts: int) -> Iterator[dict[str, Tensor]]:
    """Cut a batch of rows into ``parts`` of nearly equal numbers of rows, without empty ones.

    Args:
        batch: ``attention_mask`` and the like, each ``[rows, longest]``, padded on the right, and
            what there is one of a row, ``[rows]``.
        parts: At least 1.

    Yields:
        The same of some of the rows, as short as the longest of them.
    """
    mask = batch["attention_mask"]
    for rows in torch.arange(len(mask)).tensor_split(min(parts, len(mask))):
        longest = int(mask[rows].sum(1).max())
        yield {
            name: tensor[rows, :longest] if tensor.dim() > 1 else tensor[rows]
            for name, tensor in batch.items()
        }


class Collator:
    """Pads rows on the right to the longest of their batch; padding is neither seen nor learned."""

    def __init__(self, padding: int) -> None:
        """Take the id of the token to pad with; it may be EOS, which stays learned inside rows."""
        self._padding = padding

    def __call__(self, rows: Sequence[Tokenised]) -> dict[str, Tensor]:
        """Give ``input_ids``, ``attention_mask`` and ``labels``, each [rows, longest] int64."""
        inputs = [torch.tensor(row.input_ids) for row in rows]
        labels = [torch.tensor(row.labels) for row in rows]
        masks = [torch.ones_like(row) for row in inputs]
        return {
            "input_ids": pad_sequence(inputs, batch_first=True, padding_value=self._padding),
            "attention_mask": pad_sequence(masks, batch_first=True),
            "labels": pad_sequence(labels, batch_first=True, padding_value=IGNORE_INDEX),
        }


def device_batches(
    rows: Sequence[Tokenised], size: int, pad_token_id: int, device: torch.device
) -> list[dict[str, Tensor]]:
    """Padded batches of ``size`` rows on ``device``, sorted by length, the shortest rows first."""
    by_length = sorted(rows, key=lambda row: len(row.input_ids))
    collate = Collator(pad_token_id)
    batches = [collate(by_length[start : start + size]) for start in range(0, len(rows), size)]
    return [{name: tensor.to(device) for name, tensor in batch.items()} for batch in batches]
