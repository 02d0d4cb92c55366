"""The tokens of an answer on a calm scale."""

from __future__ import annotations

from workbench.chat.protocol import Piece
from workbench.chat.surprise import DIVERGENCE, SURPRISE, parting, stretches


def pieces(*values: tuple[str, float]) -> list[Piece]:
    return [Piece(text=text, surprise=value, divergence=value / 20) for text, value in values]


ANSWER = pieces((" I", -0.5), (" log", 0.99), (" bill", 1.0), ("ing", 9.3), (" now", 6.0), (".", 0))


def test_tokens_in_a_row_on_one_step_are_one_stretch() -> None:
    assert stretches(ANSWER, SURPRISE) == (
        (" I log", 0),
        (" bill", 1),
        ("ing now", 3),
        (".", 0),
    )
    assert stretches(ANSWER, DIVERGENCE) == ((" I log billing now.", 0),)


def test_a_value_on_the_border_counts_to_the_step_above() -> None:
    steps = [SURPRISE.step(piece) for piece in pieces(("a", 2.99), ("b", 3.0), ("c", 6.0))]
    assert steps == [1, 2, 3]


def test_the_worst_token_is_named_with_its_value() -> None:
    assert parting(ANSWER, SURPRISE) == ("ing", 9.3)
    assert parting(ANSWER, DIVERGENCE) is None


def test_answers_that_do_not_part_name_no_token() -> None:
    assert parting(pieces(("a", 0.5), ("b", -9)), SURPRISE) is None
    assert parting([], SURPRISE) is None


def test_half_a_character_is_named_by_the_whole_one() -> None:
    assert parting(pieces(("", 5), ("é", 2)), SURPRISE) == ("é", 5.0)


def test_the_end_of_the_answer_is_named_only_where_nothing_else_parts() -> None:
    assert parting(pieces(("a", 0), ("", 5)), SURPRISE) == ("", 5.0)
    assert parting(pieces(("a", 1), ("", 5)), SURPRISE) == ("a", 1.0)
