"""Datasets have their shares of the trained tokens, and each of their rows comes equally often."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data.mixture import Mixture, epoch_rates
from workbench.data.samplers import LengthBucketSampler


def test_without_shares_an_epoch_is_every_row_once() -> None:
    mixture = Mixture([3, 2], epoch_rates([30, 20], [None, None]), seed=0)
    assert [mixture.epoch(number).tolist() for number in range(2)] == [[0, 1, 2, 3, 4]] * 2


def test_shares_are_of_trained_tokens() -> None:
    """Of 1,000 tokens, 30 % are 300 of the 100 that there are: three times; the rest is 700/900."""
    assert epoch_rates([900, 100], [None, 0.3]) == pytest.approx([7 / 9, 3])
    assert epoch_rates([100, 100, 200], [0.5, None, None]) == pytest.approx([2, 2 / 3, 2 / 3])
    assert epoch_rates([100, 300], [0.5, 0.5]) == pytest.approx([2, 2 / 3])


@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=3),
    rates=st.lists(st.floats(0.1, 3), min_size=3, max_size=3),
    seed=st.integers(0, 99),
)
def test_rows_come_equally_often_over_the_epochs(
    counts: list[int], rates: list[float], seed: int
) -> None:
    mixture = Mixture(counts, rates[: len(counts)], seed)
    epochs = [mixture.epoch(number).tolist() for number in range(7)]
    assert all(len(rows) == len(mixture) for rows in epochs)
    seen = Counter(row for rows in epochs for row in rows)
    start = 0
    for count, rows in zip(counts, mixture.rows, strict=True):
        times = [seen[row] for row in range(start, start + count)]
        assert sum(times) == 7 * rows
        assert max(times) - min(times) <= 1
        start += count
    assert set(seen) <= set(range(start))


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    one, two, other = (Mixture([50], [0.5], seed) for seed in (1, 1, 2))
    two.epoch(0)
    assert one.epoch(3).tolist() == two.epoch(3).tolist()
    assert one.epoch(3).tolist() != other.epoch(3).tolist()


def test_batches_hold_the_rows_of_the_mixture() -> None:
    mixture = Mixture([10, 4], [0.5, 2], seed=0)
    sampler = LengthBucketSampler([5] * 14, 4, seed=0, mixture=mixture)
    sampler.set_epoch(1)
    batches = list(sampler)
    assert len(sampler) == len(batches) == 4
    assert Counter(row for batch in batches for row in batch) == Counter(mixture.epoch(1).tolist())
