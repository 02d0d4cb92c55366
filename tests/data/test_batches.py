"""Batches: right-padded, padding neither seen nor learned, and split again without loss."""

from __future__ import annotations

import pytest
import torch

from tests.tiny import byte_tokenizer
from workbench.data.batches import (
    Collator,
    ReplayCollator,
    ReplayRow,
    split_batch,
    split_by_source,
)
from workbench.data.formats import Example, Message
from workbench.data.rendering import IGNORE_INDEX, Rendered, Renderer


def row(length: int) -> Rendered:
    return Rendered([7] * length, [IGNORE_INDEX] + [7] * (length - 1), truncated=False)


def test_batches_are_padded_on_the_right_with_masks() -> None:
    batch = Collator(padding=9)([Rendered([5, 6], [IGNORE_INDEX, 6], False), row(3)])
    assert batch["input_ids"].tolist() == [[5, 6, 9], [7, 7, 7]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch["labels"].tolist() == [[IGNORE_INDEX, 6, IGNORE_INDEX], [IGNORE_INDEX, 7, 7]]
    assert {tensor.dtype for tensor in batch.values()} == {torch.int64}


def test_eos_stays_learned_where_it_also_pads() -> None:
    tokenizer = byte_tokenizer()
    eos = tokenizer.eos_token_id
    renderer = Renderer(tokenizer, True, 512)
    rows = [
        renderer.render(
            Example(1, {}, messages=(Message("user", "Hi"), Message("assistant", answer)))
        )
        for answer in ("short", "a longer answer")
    ]
    batch = Collator(eos)(rows)
    assert (batch["labels"] == eos).sum(dim=1).tolist() == [1, 1]
    assert batch["attention_mask"].sum(dim=1).tolist() == [len(row.input_ids) for row in rows]
    assert (batch["labels"][batch["attention_mask"] == 0] == IGNORE_INDEX).all()


def test_a_batch_is_split_by_source_and_each_part_is_short() -> None:
    target = Rendered([1, 2, 3], [IGNORE_INDEX, 2, 3], False)
    general = ReplayRow.of(Rendered([4, 5, 6, 7, 8], [IGNORE_INDEX, IGNORE_INDEX, 6, 7, 8], False))
    parts = split_by_source(ReplayCollator(0)([target, general, target]))
    assert parts["target"]["input_ids"].tolist() == [[1, 2, 3], [1, 2, 3]]
    assert parts["replay"]["labels"].tolist() == [[IGNORE_INDEX, IGNORE_INDEX, 6, 7, 8]]
    assert set(parts["replay"]) == {"input_ids", "attention_mask", "labels"}
    assert set(split_by_source(ReplayCollator(0)([target]))) == {"target"}
    assert set(split_by_source({"labels": torch.zeros(1, 2)})) == {"target"}


@pytest.mark.parametrize("parts", [1, 2, 3, 4, 9])
def test_a_batch_is_split_by_rows_and_each_part_is_short(
    parts: int,
) -> None:
    lengths = [3, 5, 8, 2, 6]
    rows = [row(length) for length in lengths]
    rows[3:] = [ReplayRow.of(general) for general in rows[3:]]
    split = list(split_batch(ReplayCollator(0)(rows), parts))
    sizes = [len(part["labels"]) for part in split]
    assert len(split) == min(parts, 5)
    assert max(sizes) - min(sizes) <= 1
    assert [int(n) for part in split for n in part["attention_mask"].sum(1)] == lengths
    assert [bool(replayed) for part in split for replayed in part["replay"]] == [False] * 3 + [
        True
    ] * 2
    for part in split:
        assert part["input_ids"].shape == part["labels"].shape == part["attention_mask"].shape
        assert part["input_ids"].shape[1] == int(part["attention_mask"].sum(1).max())
    learned = sum(int((part["labels"] != IGNORE_INDEX).sum()) for part in split)
    assert learned == sum(lengths) - len(lengths)
