"""Rows that say nearly the same are in one group, and groups are on one side of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workbench.data import grouping
from workbench.data.formats import Example, Message, Piece
from workbench.data.grouping import group
from workbench.data.splitting import hold_out

if TYPE_CHECKING:
    import pytest

WORDS = [f"w{number}" for number in range(400)]


def texts(*contents: str) -> list[Example]:
    return [Example(number, {}, text=content) for number, content in enumerate(contents, 1)]


def groups_of(*contents: str) -> list[int]:
    return group(texts(*contents)).of_row.tolist()


def sentence(seed: int, words: int = 60) -> list[str]:
    return np.random.default_rng(seed).choice(WORDS, words).tolist()


def test_copies_and_paraphrases_of_a_word_are_one_group() -> None:
    base, other = sentence(1), sentence(2)
    edited = [*base[:-1], "another"]
    assert groups_of(
        " ".join(base), " ".join(other), " ".join(edited), " ".join(base).upper() + "!"
    ) == [0, 1, 0, 0]


def test_rows_with_half_of_their_words_in_common_are_apart() -> None:
    base, other = sentence(1), sentence(2)
    assert groups_of(" ".join(base), " ".join([*base[:30], *other[30:]])) == [0, 1]


def test_short_rows_are_alike_only_if_equal() -> None:
    assert groups_of("a", "b", "A", "a b", "", "a  b.") == [0, 1, 0, 2, 3, 2]


def test_instructions_that_all_rows_repeat_do_not_make_them_alike() -> None:
    instructions = " ".join(sentence(1, words=150))
    rows = [f"{instructions} {' '.join(sentence(10 + number, words=30))}" for number in range(40)]
    assert groups_of(*rows, rows[7] + " too") == [*range(40), 7]
    assert groups_of(*(f"{instructions} {number}" for number in range(40))) == [*range(40)]


def test_conversations_and_parts_are_compared_by_all_their_words() -> None:
    words = " ".join(sentence(1))
    asked = (Message("user", "why?"), Message("assistant", words))
    rows = [
        Example(1, {}, messages=asked),
        Example(2, {}, messages=(*asked[:1], Message("assistant", f"{words} indeed"))),
        Example(3, {}, pieces=(Piece("why?", trained=False), Piece(words, trained=True))),
        Example(4, {}, pieces=(Piece("other", trained=False),)),
    ]
    assert group(rows).of_row.tolist() == [0, 0, 0, 1]


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=6), min_size=1, max_size=10))
def test_the_similarity_of_joined_rows_is_high(rows: list[list[str]]) -> None:
    """Against Jaccard's index of the sets themselves, with room for the error of 80 functions."""

    def shingles(row: list[str]) -> set[tuple[str, ...]]:
        padded = [*row, *["-"] * max(1, 3 - len(row))]
        return {tuple(padded[i : i + 3]) for i in range(len(padded) - 2)}

    of_row = groups_of(*(" ".join(row) for row in rows))
    for one, first in enumerate(rows):
        for other, second in enumerate(rows):
            if shingles(first) == shingles(second):
                assert of_row[one] == of_row[other]
            if of_row[one] == of_row[other] and of_row.count(of_row[one]) == 2:
                common = shingles(first) & shingles(second)
                assert len(common) / len(shingles(first) | shingles(second)) > 0.6


def test_of_many_rows_only_copies_are_grouped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "MOST_ROWS", 2)
    base = " ".join(sentence(1))
    groups = group(texts(base, f"{base} more", base.upper()))
    assert groups.of_row.tolist() == [0, 1, 0]
    assert not groups.by_words


def test_near_duplicates_stay_on_one_side() -> None:
    contents = [
        " ".join([*sentence(seed)[:-1], str(copy)]) for seed in range(20) for copy in range(3)
    ]
    train, heldout, _ = hold_out(texts(*contents), 0.3, seed=0)
    families = [{(row.number - 1) // 3 for row in rows} for rows in (train, heldout)]
    assert families[0].isdisjoint(families[1])
    assert len(heldout) == 18
