"""Token scores on a scale of a few steps."""

from __future__ import annotations

from workbench.chat.protocol import TokenScore
from workbench.chat.surprise import DIVERGENCE, SURPRISE, peak, segments


def scores(*values: tuple[str, float]) -> list[TokenScore]:
    return [TokenScore(text=text, surprise=value, divergence=value / 20) for text, value in values]


ANSWER = scores((" I", -0.5), (" log", 0.99), (" bill", 1.0), ("ing", 9.3), (" now", 6.0), (".", 0))


def test_consecutive_tokens_on_one_step_are_one_segment() -> None:
    assert segments(ANSWER, SURPRISE) == (
        (" I log", 0),
        (" bill", 1),
        ("ing now", 3),
        (".", 0),
    )
    assert segments(ANSWER, DIVERGENCE) == ((" I log billing now.", 0),)


def test_a_step_includes_the_value_at_which_it_begins() -> None:
    steps = [SURPRISE.step(score) for score in scores(("a", 2.99), ("b", 3.0), ("c", 6.0))]
    assert steps == [1, 2, 3]


def test_the_peak_is_the_token_with_the_highest_value() -> None:
    assert peak(ANSWER, SURPRISE) == ("ing", 9.3)
    assert peak(ANSWER, DIVERGENCE) is None


def test_answers_without_divergence_have_no_peak() -> None:
    assert peak(scores(("a", 0.5), ("b", -9)), SURPRISE) is None
    assert peak([], SURPRISE) is None


def test_a_partial_character_is_quoted_as_the_whole_one() -> None:
    assert peak(scores(("", 5), ("é", 2)), SURPRISE) == ("é", 5.0)


def test_the_end_of_the_answer_is_the_peak_only_if_nothing_else_is() -> None:
    assert peak(scores(("a", 0), ("", 5)), SURPRISE) == ("", 5.0)
    assert peak(scores(("a", 1), ("", 5)), SURPRISE) == ("a", 1.0)
