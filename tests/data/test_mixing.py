"""Replay: the asked share of tokens, every row of the dataset once, general rows drawn anew."""

from __future__ import annotations

import pytest
import torch

from workbench.data.batches import LengthBucketSampler, parts_of
from workbench.data.mixing import MixingCollator, MixingSampler, Replayed, by_source
from workbench.data.rendering import IGNORE_INDEX, Rendered

TARGETS = [4 + 37 * number % 57 for number in range(150)]
POOL = [10 + 53 * number % 81 for number in range(100)]


def mixed(share: float, pool: list[int] = POOL, *, epoch: int = 0) -> list[list[int]]:
    sampler = MixingSampler(LengthBucketSampler(TARGETS, 8, 0), TARGETS, pool, share, 0)
    sampler.set_epoch(epoch)
    return list(sampler)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.2, 0.5, 0.9])
def test_the_share_of_tokens_is_within_one_point(share: float) -> None:
    indices = [index for batch in mixed(share) for index in batch]
    old = sum(POOL[index - len(TARGETS)] for index in indices if index >= len(TARGETS))
    assert abs(old / (old + sum(TARGETS)) - share) < 0.01


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_every_row_of_the_dataset_comes_once_an_epoch(share: float) -> None:
    for epoch in range(3):
        indices = [index for batch in mixed(share, epoch=epoch) for index in batch]
        assert sorted(i for i in indices if i < len(TARGETS)) == list(range(len(TARGETS)))


def test_replay_changes_neither_steps_nor_order() -> None:
    plain = list(LengthBucketSampler(TARGETS, 8, 0))
    assert [[i for i in batch if i < len(TARGETS)] for batch in mixed(0.5)] == plain


def test_general_rows_are_drawn_without_replacement_and_anew() -> None:
    first, second = (
        [i for batch in mixed(0.2, epoch=epoch) for i in batch if i >= len(TARGETS)]
        for epoch in (0, 1)
    )
    assert len(set(first)) == len(first) < len(POOL)
    assert set(first) != set(second)
    assert mixed(0.2, epoch=1) == mixed(0.2, epoch=1)


def test_a_small_pool_is_used_up_before_any_row_comes_again() -> None:
    drawn = [i for batch in mixed(0.5, POOL[:10]) for i in batch if i >= len(TARGETS)]
    counts = {index: drawn.count(index) for index in set(drawn)}
    assert len(counts) == 10
    assert max(counts.values()) - min(counts.values()) <= 1


def test_batches_are_split_again_and_each_part_is_short() -> None:
    target = Rendered([1, 2, 3], [IGNORE_INDEX, 2, 3], False)
    general = Replayed.of(Rendered([4, 5, 6, 7, 8], [IGNORE_INDEX, IGNORE_INDEX, 6, 7, 8], False))
    parts = by_source(MixingCollator(0)([target, general, target]))
    assert parts["target"]["input_ids"].tolist() == [[1, 2, 3], [1, 2, 3]]
    assert parts["replay"]["labels"].tolist() == [[IGNORE_INDEX, IGNORE_INDEX, 6, 7, 8]]
    assert set(parts["replay"]) == {"input_ids", "attention_mask", "labels"}
    assert set(by_source(MixingCollator(0)([target]))) == {"target"}
    assert set(by_source({"labels": torch.zeros(1, 2)})) == {"target"}


@pytest.mark.parametrize("parts", [1, 2, 3, 4, 9])
def test_a_batch_is_cut_into_rows_as_they_were_each_part_as_short_as_its_longest(
    parts: int,
) -> None:
    lengths = [3, 5, 8, 2, 6]
    rows = [Rendered([7] * n, [IGNORE_INDEX] + [7] * (n - 1), truncated=False) for n in lengths]
    rows[3:] = [Replayed.of(row) for row in rows[3:]]
    cut = list(parts_of(MixingCollator(0)(rows), parts))
    sizes = [len(part["labels"]) for part in cut]
    assert len(cut) == min(parts, 5)
    assert max(sizes) - min(sizes) <= 1
    assert [int(n) for part in cut for n in part["attention_mask"].sum(1)] == lengths
    assert [bool(one) for part in cut for one in part["replay"]] == [False] * 3 + [True] * 2
    for part in cut:
        assert part["input_ids"].shape == part["labels"].shape == part["attention_mask"].shape
        assert part["input_ids"].shape[1] == int(part["attention_mask"].sum(1).max())
    learned = sum(int((part["labels"] != IGNORE_INDEX).sum()) for part in cut)
    assert learned == sum(lengths) - len(lengths)
