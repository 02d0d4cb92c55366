"""Every row once an epoch, beside rows of its length, and padding that nobody sees or learns."""

from __future__ import annotations

import random
from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from tests.tiny import byte_tokenizer
from workbench.data.batches import Collator, LengthBucketSampler
from workbench.data.formats import Example, Message
from workbench.data.rendering import IGNORE_INDEX, Rendered, Renderer

LENGTHS = st.lists(st.integers(1, 2000), max_size=300)


def row(length: int) -> Rendered:
    return Rendered([7] * length, [IGNORE_INDEX] + [7] * (length - 1), truncated=False)


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


def test_it_feeds_a_data_loader() -> None:
    rows = [row(length) for length in (3, 9, 4, 8, 5)]
    sampler = LengthBucketSampler([len(row.input_ids) for row in rows], 2, seed=0)
    loader = DataLoader(rows, batch_sampler=sampler, collate_fn=Collator(0))
    batches = list(loader)
    assert len(batches) == 3
    assert sum(int(batch["attention_mask"].sum()) for batch in batches) == 3 + 9 + 4 + 8 + 5
    assert sorted(len(batch["labels"]) for batch in batches) == [1, 2, 2]
