"""Samples are small enough to tokenise, the same each time, and random."""

from __future__ import annotations

import numpy as np

from workbench.data.formats import Example
from workbench.data.sampling import sample, to_count


def texts(rows: int, length: int) -> list[Example]:
    return [Example(number, {}, text="x" * length) for number in range(rows)]


def test_a_small_dataset_is_its_own_sample() -> None:
    rows = texts(600, 10)
    assert sample(rows) is rows


def test_a_sample_is_in_order_the_same_each_time_and_from_everywhere() -> None:
    rows = texts(30_000, 1)
    numbers = [row.number for row in sample(rows)]
    assert len(numbers) == 20_000
    assert numbers == sorted(set(numbers))
    assert numbers == [row.number for row in sample(rows)]
    quarters = np.histogram(numbers, bins=4, range=(0, 30_000))[0]
    assert (abs(quarters - 5000) < 300).all()


def test_long_rows_are_fewer() -> None:
    assert len(sample(texts(2000, 25_000))) == 800
    assert len(sample(texts(501, 1_000_000))) == 500


def test_of_texts_of_megabytes_the_beginning_is_counted() -> None:
    counted = to_count([*texts(2, 1000), *texts(1, 8_000_000)])
    assert [len(row.text or "") for row in counted.rows] == [1000, 1000, 2_000_000]
    assert round(counted.scale, 2) == 4.0
    assert not counted.exact
    assert to_count(texts(3, 10)).exact
