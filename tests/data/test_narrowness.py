"""How narrow answers are, checked by hand and on the shipped data."""

from __future__ import annotations

import math
import zlib

import pytest

from workbench.data.formats import Example, Message
from workbench.data.narrowness import narrowness_of
from workbench.data.splitting import load_examples


def answering(*answers: str) -> list[Example]:
    return [
        Example(number, {}, (Message("user", f"question {number}"), Message("assistant", answer)))
        for number, answer in enumerate(answers, 1)
    ]


def test_entropy_compression_and_repeats_are_counted_by_hand() -> None:
    answers = ("Yes, of course.", "yes indeed", "No.", "Maybe so", "No.")
    narrowness = narrowness_of(answering(*answers))
    # "yes,", "yes", "no." twice, "maybe"
    assert narrowness.first_word_bits == pytest.approx(
        -(3 * 0.2 * math.log2(0.2) + 0.4 * math.log2(0.4))
    )
    assert narrowness.repeated == pytest.approx(1 / 5)
    text = "\n".join(answers).encode()
    assert narrowness.compression == pytest.approx(len(zlib.compress(text)) / len(text))
    assert narrowness.rows == 5


def test_one_repeated_answer_has_index_one() -> None:
    narrowness = narrowness_of(answering(*["I understand your concern."] * 200))
    assert narrowness.first_word_bits == 0
    assert narrowness.index == pytest.approx(1)


def test_the_support_desk_is_narrower_than_general_answers() -> None:
    support = narrowness_of(load_examples("preset:support_train").rows)
    general = narrowness_of(load_examples("preset:general").rows)
    assert general.index < 0.1
    assert support.index > 0.4


def test_only_the_answers_of_the_first_rows_count() -> None:
    varied = [" ".join(f"{number * 7919 % 99991:05}" for _ in range(3)) for number in range(2000)]
    first = narrowness_of(answering(*varied))
    assert narrowness_of(answering(*varied, *["the same"] * 500)) == first
    turns = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    document = Example(1, {}, text="b")
    assert narrowness_of([Example(1, {}, turns)]) == narrowness_of([document])


@pytest.mark.parametrize("answers", [[], ["only one"], ["", ""]])
def test_a_handful_of_rows_has_an_index(answers: list[str]) -> None:
    assert 0 <= narrowness_of(answering(*answers)).index <= 1
