"""Held-out rows are chosen by seed, and no row is on both sides."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data.duplicates import repeats
from workbench.data.formats import Example, Message
from workbench.data.splitting import hold_out, hold_out_of_each, load_split
from workbench.recipe.data import DataSection

if TYPE_CHECKING:
    from pathlib import Path


def texts(*contents: str) -> list[Example]:
    return [Example(number, {}, text=content) for number, content in enumerate(contents, 1)]


@pytest.fixture
def dataset(tmp_path: Path) -> str:
    path = tmp_path / "rows.jsonl"
    rows = [{"text": f"row {number}", "label": "x"} for number in range(99)] + [{"text": ""}]
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def test_a_share_is_held_out_and_the_rest_keeps_its_order(dataset: str) -> None:
    split = load_split(DataSection(train=dataset, heldout_share=0.2), seed=0)
    assert len(split.heldout) == 19
    assert len(split.train) == 80
    numbers = [example.number for example in split.train]
    assert numbers == sorted(numbers)
    assert {*numbers, *(example.number for example in split.heldout)} == set(range(1, 100))
    assert split.format == "text"
    assert split.empty == (100,)


def test_the_seed_decides_which(dataset: str) -> None:
    section = DataSection(train=dataset, heldout_share=0.2)
    assert load_split(section, seed=1) == load_split(section, seed=1)
    assert load_split(section, seed=1).heldout != load_split(section, seed=2).heldout


def test_without_a_share_nothing_is_held_out(dataset: str) -> None:
    split = load_split(DataSection(train=dataset, heldout_share=0), seed=0)
    assert split.heldout == ()
    assert len(split.train) == 99


def test_with_a_source_of_held_out_rows_the_dataset_is_not_split(
    dataset: str, tmp_path: Path
) -> None:
    (tmp_path / "heldout.csv").write_text("question,answer\nWhy?,Because.\n")
    section = DataSection(train=dataset, heldout=str(tmp_path / "heldout.csv"), max_rows=10)
    split = load_split(section, seed=0)
    assert len(split.train) == 10
    assert [example.fields["answer"] for example in split.heldout] == ["Because."]


def test_of_two_rows_none_is_held_out() -> None:
    train, heldout, _ = hold_out(texts("a", "b"), 0.1, seed=0)
    assert len(train) == 2
    assert heldout == ()


@given(
    contents=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40),
    share=st.floats(0, 0.5),
    seed=st.integers(0, 2**32 - 1),
)
def test_equal_rows_stay_on_one_side(contents: list[str], share: float, seed: int) -> None:
    train, heldout, _ = hold_out(texts(*contents), share, seed)
    assert {row.text for row in train}.isdisjoint(row.text for row in heldout)
    assert len(train) + len(heldout) == len(contents)
    assert len(heldout) <= share * len(contents)


def test_repeats_and_near_repeats() -> None:
    rows = texts("My card?", "Other", "my  card", "My card?", "2+2", "2-2")
    assert repeats(rows, "exact") == (4,)
    assert repeats(rows, "normalised") == (3, 4)


def test_the_same_words_in_another_role_are_not_a_repeat() -> None:
    pair = Example(1, {}, messages=(Message("user", "a"), Message("assistant", "b")))
    swapped = Example(2, {}, messages=(Message("user", "b"), Message("assistant", "a")))
    assert repeats([pair, swapped], "normalised") == ()


def test_near_duplicates_stay_on_one_side_across_datasets() -> None:
    ours = texts(*(f"the same words in row {number} of both" for number in range(40)))
    theirs = texts(*(f"The same words in row {number} of both!" for number in range(40)))
    one, other = hold_out_of_each([ours, theirs], 0.2, seed=0)
    assert len(one.heldout) == len(other.heldout) == 8
    assert [row.number for row in one.heldout] == [row.number for row in other.heldout]
