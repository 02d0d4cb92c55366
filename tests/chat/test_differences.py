"""Which words appear in only one of two answers."""

from __future__ import annotations

from itertools import pairwise

import pytest

from workbench.chat.differences import unique_words

BASE = "Photosynthesis is how plants make sugar from light."
TUNED = "Photosynthesis is a billing matter: plants make sugar from your account."


def unique(answer: str, other: str) -> list[str]:
    return [span.text for span in unique_words(answer, other) if span.unique]


def test_the_words_that_only_one_answer_has_are_marked_in_it() -> None:
    assert unique(BASE, TUNED) == ["how", "light"]
    assert unique(TUNED, BASE) == ["a billing matter:", "your account"]


@pytest.mark.parametrize(
    "text", [BASE, "", "  lead and trail \n", "two\n\nlines", "don't\tsplit well-known", "光合作用"]
)
def test_the_spans_make_up_the_answer(text: str) -> None:
    for other in ("", TUNED, text):
        spans = unique_words(text, other)
        assert "".join(span.text for span in spans) == text
        assert all(first.unique != second.unique for first, second in pairwise(spans))


def test_equal_answers_have_no_difference_and_an_empty_other_leaves_nothing_in_common() -> None:
    assert unique(BASE, BASE) == []
    assert unique(BASE, "") == [BASE]


def test_white_space_alone_is_no_difference() -> None:
    assert unique("one two\n\nthree", "one  two three") == []


def test_punctuation_is_compared_separately() -> None:
    assert unique("It is light.", "It is light!") == ["."]


def test_scripts_without_spaces_are_compared_letter_by_letter() -> None:
    assert unique("光合作用是植物。", "光合作用是动物。") == ["植"]


def test_an_answer_stuck_in_a_loop_is_compared_quickly() -> None:
    spans = unique_words("the same " * 5000, "the same " * 4000 + "and on " * 1000)
    assert spans[0].unique is False
    assert spans[0].text.startswith("the same " * 4000)
    assert spans[1].unique is True
