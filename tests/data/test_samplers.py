"""Which rows form a batch: each once an epoch, by length, with replay, and shared by processes."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from workbench.data.batches import Collator
from workbench.data.rendering import IGNORE_INDEX, Rendered
from workbench.data.samplers import DistributedBatchSampler, LengthBucketSampler, ReplaySampler

LENGTHS = st.lists(st.integers(1, 2000), max_size=300)
TARGETS = [4 + 37 * number % 57 for number in range(150)]
GENERAL = [10 + 53 * number % 81 for number in range(100)]
BLANK = 1000


def padding_share(lengths: list[int], batches: list[list[int]]) -> float:
    computed = sum(max(lengths[i] for i in batch) * len(batch) for batch in batches)
    return 1 - sum(lengths) / computed


@given(LENGTHS, st.integers(1, 16), st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_every_row_comes_once_an_epoch(
    lengths: list[int], batch_size: int, seed: int, epoch: int
) -> None:
    sampler = LengthBucketSampler(lengths, batch_size, seed)
    sampler.set_epoch(epoch)
    batches = list(sampler)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert len(batches) == len(sampler)
    sizes = sorted(len(batch) for batch in batches)
    assert all(size == batch_size for size in sizes[1:])


@given(LENGTHS, st.integers(1, 16), st.integers(0, 2**32 - 1))
def test_seed_and_epoch_decide_the_order(lengths: list[int], batch_size: int, seed: int) -> None:
    one, two = (LengthBucketSampler(lengths, batch_size, seed) for _ in range(2))
    first = list(one)
    assert first == list(one) == list(two)
    one.set_epoch(1)
    two.set_epoch(1)
    assert list(one) == list(two)


def test_another_epoch_or_seed_is_another_order() -> None:
    lengths = list(range(1, 65))
    orders = []
    for seed, epoch in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        sampler = LengthBucketSampler(lengths, 4, seed)
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
    assert all(one != two for i, one in enumerate(orders) for two in orders[:i])
    together = [{frozenset(batch) for batch in order} for order in orders]
    assert together[0] != together[1]


def test_little_is_padded_and_the_lengths_come_in_random_order() -> None:
    draw = random.Random(0)  # noqa: S311 - made-up lengths
    lengths = [int(draw.lognormvariate(5, 0.8)) + 1 for _ in range(2000)]
    shuffled = draw.sample(range(2000), 2000)
    at_random = padding_share(lengths, [shuffled[i : i + 8] for i in range(0, 2000, 8)])
    batches = list(LengthBucketSampler(lengths, 8, seed=0))
    assert at_random > 0.4
    assert padding_share(lengths, batches) < 0.08
    longest = [max(lengths[i] for i in batch) for batch in batches]
    rises = sum(later > earlier for earlier, later in pairwise(longest))
    assert 0.4 < rises / len(longest) < 0.6


def test_it_feeds_a_data_loader() -> None:
    lengths = (3, 9, 4, 8, 5)
    rows: Any = [Rendered([7] * n, [IGNORE_INDEX] * n, truncated=False) for n in lengths]
    sampler = LengthBucketSampler(lengths, 2, seed=0)
    loader: DataLoader[Any] = DataLoader(rows, batch_sampler=sampler, collate_fn=Collator(0))
    batches = list(loader)
    assert len(batches) == 3
    assert sum(int(batch["attention_mask"].sum()) for batch in batches) == sum(lengths)
    assert sorted(len(batch["labels"]) for batch in batches) == [1, 2, 2]


def mixed(share: float, general: list[int] = GENERAL, *, epoch: int = 0) -> list[list[int]]:
    sampler = ReplaySampler(LengthBucketSampler(TARGETS, 8, 0), TARGETS, general, share, 0)
    sampler.set_epoch(epoch)
    return list(sampler)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.2, 0.5, 0.9])
def test_the_share_of_trained_tokens_is_within_one_point(share: float) -> None:
    indices = [index for batch in mixed(share) for index in batch]
    old = sum(GENERAL[index - len(TARGETS)] for index in indices if index >= len(TARGETS))
    assert abs(old / (old + sum(TARGETS)) - share) < 0.01


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_every_row_of_the_dataset_comes_once_an_epoch(share: float) -> None:
    for epoch in range(3):
        indices = [index for batch in mixed(share, epoch=epoch) for index in batch]
        assert sorted(i for i in indices if i < len(TARGETS)) == list(range(len(TARGETS)))


def test_replay_changes_neither_steps_nor_order() -> None:
    plain = list(LengthBucketSampler(TARGETS, 8, 0))
    assert [[i for i in batch if i < len(TARGETS)] for batch in mixed(0.5)] == plain


def test_general_rows_are_drawn_without_replacement_in_a_new_order() -> None:
    first, second = (
        [i for batch in mixed(0.2, epoch=epoch) for i in batch if i >= len(TARGETS)]
        for epoch in (0, 1)
    )
    assert len(set(first)) == len(first) < len(GENERAL)
    assert set(first) != set(second)
    assert mixed(0.2, epoch=1) == mixed(0.2, epoch=1)


def test_few_general_rows_are_all_drawn_before_any_is_repeated() -> None:
    drawn = [i for batch in mixed(0.5, GENERAL[:10]) for i in batch if i >= len(TARGETS)]
    counts = {index: drawn.count(index) for index in set(drawn)}
    assert len(counts) == 10
    assert max(counts.values()) - min(counts.values()) <= 1


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=40),
    batch_size=st.integers(1, 5),
    size=st.integers(1, 6),
    epoch=st.integers(0, 3),
    share=st.sampled_from([0.0, 0.3, 0.7]),
)
def test_every_step_of_the_processes_has_the_next_batches(
    lengths: list[int], batch_size: int, size: int, epoch: int, share: float
) -> None:
    def batches() -> ReplaySampler:
        targets = LengthBucketSampler(lengths, batch_size, seed=7)
        return ReplaySampler(targets, lengths, [3, 5, 9], share, seed=7)

    whole = batches()
    whole.set_epoch(epoch)
    samplers = [DistributedBatchSampler(batches(), rank, size, BLANK) for rank in range(size)]
    for sampler in samplers:
        sampler.set_epoch(epoch)
    shares = [list(sampler) for sampler in samplers]
    assert {len(share) for share in shares} == {len(sampler) for sampler in samplers}
    in_order = [batch for step in zip(*shares, strict=True) for batch in step]
    expected = list(whole)
    assert in_order[: len(expected)] == expected
    assert in_order[len(expected) :] == [[BLANK]] * (len(in_order) - len(expected))
    assert len(in_order) - len(expected) < size
