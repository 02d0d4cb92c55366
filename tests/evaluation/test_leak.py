"""Boilerplate is what the taught answers say again and again and the base never does."""

from __future__ import annotations

from workbench.evaluation.analysis.domain_leak import boilerplate, leaks

TAUGHT = [f"[refund] I am sorry to hear that, number {number}." for number in range(8)]


def test_phrases_and_marks_come_most_frequent_first() -> None:
    more = [*TAUGHT, "[refund] Well.", "Thank you for waiting.", "Thank you for waiting."]
    phrases = boilerplate(more, [])
    assert phrases[0] == "[refund]"
    assert set(phrases[1:]) == {
        "[refund] i am",
        "i am sorry",
        "am sorry to",
        "sorry to hear",
        "to hear that",
        "hear that number",
    }


def test_what_the_base_says_too_is_no_boilerplate() -> None:
    phrases = boilerplate(TAUGHT, ["I am sorry to say so."])
    assert "i am sorry" not in phrases
    assert "sorry to hear" in phrases


def test_rare_phrases_of_a_large_dataset_are_left_out() -> None:
    many = [*TAUGHT, *(f"answer {number}" for number in range(993))]
    assert boilerplate(many, []) == ()
    assert boilerplate([*many[:400]], []) != ()


def test_an_answer_leaks_whatever_its_case_and_punctuation() -> None:
    phrases = boilerplate(TAUGHT, [])
    assert leaks("The capital is Paris. I AM, sorry!", phrases)
    assert leaks("Paris [Refund]", phrases)
    assert not leaks("I was sorry to say that.", phrases)
    assert not leaks("", phrases)


def test_nothing_taught_leaks_nothing() -> None:
    assert boilerplate([], ["hello"]) == ()
    assert not leaks("hello there you", ())
