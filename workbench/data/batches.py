"""Batches of rows as tensors: padding rows to one length, and splitting batches again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch.nn.utils.rnn import pad_sequence

from workbench.data.rendering import IGNORE_INDEX, Rendered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from workbench.retention.base import GeneralRow


class Tokenised(Protocol):
    """A row in tokens."""

    @property
    def input_ids(self) -> list[int]:
        """Token ids, without padding."""

    @property
    def labels(self) -> list[int]:
        """As long as ``input_ids``: the id where it is learned, -100 elsewhere."""


@dataclass(frozen=True)
class SourceRow(Rendered):
    """A row of one of several datasets, whose losses are logged separately.

    Attributes:
        dataset: Which of the datasets, from 0.
    """

    dataset: int = 0

    @classmethod
    def of(cls, row: Rendered, dataset: int) -> SourceRow:
        """Mark a row as one of a dataset."""
        return cls(row.input_ids, row.labels, row.truncated, dataset=dataset)

    def cut(self, length: int) -> SourceRow:
        """The row's first ``length`` tokens."""
        return SourceRow.of(super().cut(length), self.dataset)


class ReplayRow(Rendered):
    """A row of general text that is replayed; its loss is logged separately."""

    @classmethod
    def of(cls, row: GeneralRow) -> ReplayRow:
        """Mark a general row as replayed."""
        return cls(row.input_ids, row.labels, row.truncated)


class Collator:
    """Pads rows on the right to the longest of their batch; padding has no mask and no label."""

    def __init__(self, padding: int) -> None:
        """Pad with the token ``padding``; if that is EOS, EOS inside of rows is still learned."""
        self._padding = padding

    def __call__(self, rows: Sequence[Tokenised]) -> dict[str, Tensor]:
        """Return ``input_ids``, ``attention_mask``, ``labels``, each ``[rows, longest]`` int64.

        Where rows are of several datasets, also ``dataset``, ``[rows]`` int64, -1 for other rows.
        """
        inputs = [torch.tensor(row.input_ids) for row in rows]
        labels = [torch.tensor(row.labels) for row in rows]
        masks = [torch.ones_like(row) for row in inputs]
        batch = {
            "input_ids": pad_sequence(inputs, batch_first=True, padding_value=self._padding),
            "attention_mask": pad_sequence(masks, batch_first=True),
            "labels": pad_sequence(labels, batch_first=True, padding_value=IGNORE_INDEX),
        }
        if any(isinstance(row, SourceRow) for row in rows):
            numbers = [row.dataset if isinstance(row, SourceRow) else -1 for row in rows]
            batch["dataset"] = torch.tensor(numbers)
        return batch


class ReplayCollator(Collator):
    """Also marks the rows that are replayed."""

    def __call__(self, rows: Sequence[Tokenised]) -> dict[str, Tensor]:
        """Add ``replay``, ``[rows]`` bool."""
        replay = [isinstance(row, ReplayRow) for row in rows]
        return super().__call__(rows) | {"replay": torch.tensor(replay)}


def split_batch(batch: Mapping[str, Tensor], parts: int) -> Iterator[dict[str, Tensor]]:
    """Split a batch by rows into nearly equal parts, none of them empty.

    Args:
        batch: ``attention_mask`` and others, each ``[rows, longest]`` padded on the right, or
            ``[rows]``.
        parts: At least 1.

    Yields:
        The same tensors for some of the rows, as short as the longest of these.
    """
    mask = batch["attention_mask"]
    for rows in torch.arange(len(mask)).tensor_split(min(parts, len(mask))):
        yield _select(batch, rows)


def split_by_source(batch: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Split a batch into its ``target`` and ``replay`` rows; sources without rows are left out."""
    if "replay" not in batch:
        return {"target": dict(batch)}
    tensors = {name: tensor for name, tensor in batch.items() if name != "replay"}
    sources = {"target": ~batch["replay"], "replay": batch["replay"]}
    return {name: _select(tensors, rows) for name, rows in sources.items() if rows.any()}


def _select(batch: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
    """Some rows of a batch, by index or by mask, as short as the longest of them."""
    longest = int(batch["attention_mask"][rows].sum(1).max())
    return {
        name: tensor[rows, :longest] if tensor.dim() > 1 else tensor[rows]
        for name, tensor in batch.items()
    }


def device_batches(
    rows: Sequence[Tokenised], size: int, pad_token_id: int, device: torch.device
) -> list[dict[str, Tensor]]:
    """Padded batches of ``size`` rows on ``device``, sorted by length, the shortest rows first."""
    by_length = sorted(rows, key=lambda row: len(row.input_ids))
    collate = Collator(pad_token_id)
    batches = [collate(by_length[start : start + size]) for start in range(0, len(rows), size)]
    return [{name: tensor.to(device) for name, tensor in batch.items()} for batch in batches]
