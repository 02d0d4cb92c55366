"""Right and wrong answers in words and numbers, by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from workbench.core.errors import BadInputError
from workbench.evaluation.suites.items import Item
from workbench.evaluation.suites.scorers import regex as regex_scorer
from workbench.evaluation.suites.scorers.contains import ContainsScorer
from workbench.evaluation.suites.scorers.exact import ExactScorer
from workbench.evaluation.suites.scorers.number import NumberScorer, last_number
from workbench.evaluation.suites.scorers.regex import RegexScorer

ALL = (ExactScorer(), ContainsScorer(), RegexScorer(), NumberScorer())


def item(*answers: str) -> Item:
    return Item(id="k1", prompt="?", answers=answers)


@pytest.mark.parametrize(
    ("right", "answer", "score"),
    [
        ("Paris", "paris", 1),
        ("Paris", ' "Paris."\n', 1),
        ("Paris", "**Paris**", 1),
        ("Paris", "It is Paris.", 0),
        ("Paris", "", 0),
        ("don't", "don\u2019t", 1),
        ("Café", "cafe\u0301", 1),
        ("Straße", "STRASSE", 1),
        ("two words", "two \n words", 1),
        ("C++", "C", 0),
        ("-5", "5", 0),
        ("50%", "50", 0),
        ("?", "?", 1),
        ("?", "!", 0),
    ],
)
def test_an_exact_answer_may_differ_in_case_spaces_and_punctuation_only(
    right: str, answer: str, score: int
) -> None:
    assert ExactScorer().grade(item("other", right), [answer]).score == score


@pytest.mark.parametrize(
    ("right", "answer", "score"),
    [
        ("cat", "A CAT sat here.", 1),
        ("cat", "in the category", 0),
        ("cat", "cats", 0),
        ("cat", "the cat's paw", 1),
        ("1234", "it is 12345", 0),
        ("1234", "(1234)", 1),
        ("C++", "I like C++.", 1),
        ("C", "I like C++.", 1),
        ("New York", "new\nyork!", 1),
        ("São Paulo", "SÃO PAULO", 1),
        ("a.b", "acb", 0),
        ("東京", "首都は東京です。", 1),
        ("東京", "首都は京都です。", 0),
        ("cat", "", 0),
    ],
)
def test_contained_answers_are_whole_words(right: str, answer: str, score: int) -> None:
    assert ContainsScorer().grade(item("zebra", right), [answer]).score == score


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", "12"),
        ("It is 1,000.", "1000"),
        ("12.0", "12"),
        ("2 + 3 = 5", "5"),
        ("10 - 12 = -2", "-2"),
        ("\u22127 degrees", "-7"),
        ("10-3", "3"),
        ("f(2)-1", "1"),
        ("-$5.50", "-5.5"),
        ("$1,234,567.89", "1234567.89"),
        ("1,2,3", "3"),
        ("1,2345", "2345"),
        (".5", "0.5"),
        ("**42**", "42"),
        ("see B12", None),
        ("348 m^2", "348"),
        ("348 m^{2}", "348"),
        ("348 m\u00b2", "348"),
        ("First, 12 * 29 = 348.\nSo the result is **348**.", "348"),
        ("1. Add 3 and 4 to get 7.\n2. Double it: 14", "14"),
        ("The answer is \\boxed{348}.", "348"),
        ("12cm", "12"),
        ("50%", "50"),
        ("9 - because of 4\nThe answer: 8.", "8"),
        ("\u0663", "3"),
        ("none", None),
        ("", None),
        ("9" * 10_000, "9" * 10_000),
    ],
)
def test_the_last_number_of_an_answer(text: str, number: str | None) -> None:
    assert last_number(text) == (None if number is None else Decimal(number))


def test_a_number_is_right_however_it_is_written() -> None:
    question = item("1,000.0", "-4")
    for answer, score in (("1000", 1), ("so 1,000", 1), ("-4.00", 1), ("4", 0), ("ten", 0)):
        assert NumberScorer().grade(question, [answer]).score == score


def test_a_pattern_is_searched_for() -> None:
    question = item(r"^\d+$", r"(?i)\byes\b")
    for answer, score in (("12", 1), ("Oh YES.", 1), ("12 or so", 0), ("eyes", 0)):
        assert RegexScorer().grade(question, [answer]).score == score


def test_a_catastrophic_pattern_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regex_scorer, "_TIMEOUT", 0.05)
    outcome = RegexScorer().grade(item(r"^((a|a)+)+(?:b|c\1)$"), ["a" * 60 + "!"])
    assert (outcome.score, outcome.label) == (0, "pattern took too long")


@pytest.mark.parametrize("scorer", ALL, ids=lambda scorer: scorer.kind)
def test_an_item_without_a_right_answer_is_refused(scorer) -> None:
    with pytest.raises(BadInputError, match="item 'k1': no right answer"):
        scorer.check(item())
    with pytest.raises(BadInputError, match="item 'k1': an answer is blank"):
        scorer.check(item("1", " "))
    scorer.check(item("1"))


def test_invalid_patterns_and_numbers_are_refused() -> None:
    with pytest.raises(BadInputError, match=r"item 'k1': invalid pattern '\(': missing \)"):
        RegexScorer().check(item("("))
    with pytest.raises(BadInputError, match="item 'k1': the answer 'ten' is not a number"):
        NumberScorer().check(item("10", "ten"))
