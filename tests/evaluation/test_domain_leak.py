"""Boilerplate is what training answers say again and again and the base never does."""

from __future__ import annotations

from workbench.evaluation.analysis.domain_leak import boilerplate_phrases, has_boilerplate

ANSWERS = [f"[refund] I am sorry to hear that, number {number}." for number in range(8)]


def test_phrases_and_marks_come_most_frequent_first() -> None:
    more = [*ANSWERS, "[refund] Well.", "Thank you for waiting.", "Thank you for waiting."]
    phrases = boilerplate_phrases(more, [])
    assert phrases[0] == "[refund]"
    assert set(phrases[1:]) == {
        "[refund] i am",
        "i am sorry",
        "am sorry to",
        "sorry to hear",
        "to hear that",
        "hear that number",
    }


def test_phrases_of_the_base_are_not_boilerplate() -> None:
    phrases = boilerplate_phrases(ANSWERS, ["I am sorry to say so."])
    assert "i am sorry" not in phrases
    assert "sorry to hear" in phrases


def test_rare_phrases_of_a_large_dataset_are_left_out() -> None:
    many = [*ANSWERS, *(f"answer {number}" for number in range(993))]
    assert boilerplate_phrases(many, []) == ()
    assert boilerplate_phrases([*many[:400]], []) != ()


def test_an_answer_leaks_whatever_its_case_and_punctuation() -> None:
    phrases = boilerplate_phrases(ANSWERS, [])
    assert has_boilerplate("The capital is Paris. I AM, sorry!", phrases)
    assert has_boilerplate("Paris [Refund]", phrases)
    assert not has_boilerplate("I was sorry to say that.", phrases)
    assert not has_boilerplate("", phrases)


def test_without_training_answers_nothing_leaks() -> None:
    assert boilerplate_phrases([], ["hello"]) == ()
    assert not has_boilerplate("hello there you", ())
