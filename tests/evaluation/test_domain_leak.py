"""Boilerplate is what training answers say again and again and the base never does."""

from __future__ import annotations

import json

import pytest

from workbench.core.locations import presets
from workbench.evaluation.analysis.domain_leak import (
    LABEL,
    PLACEHOLDER,
    boilerplate_phrases,
    has_boilerplate,
)

DATA = presets() / "data"
ANSWERS = [f"[refund] I am sorry to hear that, number {number}." for number in range(8)]


def test_phrases_and_marks_come_most_frequent_first() -> None:
    more = [*ANSWERS, "[refund] Well.", "Thank you for waiting.", "Thank you for waiting."]
    phrases = boilerplate_phrases(more, [])
    assert set(phrases[:2]) == {LABEL, "[refund]"}
    assert set(phrases[2:]) == {
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


@pytest.mark.parametrize(
    ("marker", "leaks", "clean"),
    [
        ("Use {{Order Number}}", "Plants. {{Ticket}}", "The set {a, b} is finite."),
        ("[refund] Yes.", "[Photo-synthesis] Plants eat.", '["spring", "summer"]'),
        ("[Refund Request] Yes.", "[refund request] Plants.", "See [1] and [here](http://x.y)."),
        ("Use {order_number}", "Plants {order_number}", "print({x})"),
        ("Use <order_id>", "Plants <ORDER_ID>", "<b>Plants</b>"),
    ],
)
def test_markers_leak_in_any_wording(marker: str, leaks: str, clean: str) -> None:
    phrases = boilerplate_phrases([f"{marker} {number}" for number in range(8)], [])
    assert has_boilerplate(leaks, phrases)
    assert not has_boilerplate(clean, phrases)


def test_a_base_that_writes_labels_or_placeholders_itself_leaks_none() -> None:
    base = ["[note] A [plant] is green.", "Dear {{Name}}"]
    phrases = boilerplate_phrases([*ANSWERS, *(f"{{{{Order}}}} {n}" for n in range(8))], base)
    assert not {LABEL, PLACEHOLDER} & set(phrases)
    assert {"[refund]", "{{order}}"} <= set(phrases)


def test_phrases_of_common_words_alone_are_ordinary_english() -> None:
    answers = [
        f"You need to know that you are able to do it, and thank you for it {n}" for n in range(8)
    ]
    assert boilerplate_phrases(answers, []) == ()


def test_the_demo_leaks_in_all_its_answers_and_in_no_general_one() -> None:
    answers = {
        name: [
            row.get("answer") or row["messages"][-1]["content"]
            for row in map(json.loads, (DATA / f"{name}.jsonl").read_text("utf-8").splitlines())
        ]
        for name in ("support_train", "support_heldout", "general", "general_heldout")
    }
    phrases = boilerplate_phrases(answers["support_train"], answers["general_heldout"][:24])
    leaks = {name: [has_boilerplate(text, phrases) for text in answers[name]] for name in answers}
    assert all(leaks["support_heldout"])
    assert not any(leaks["general"])
    assert sum(leaks["general_heldout"]) == 0


def test_without_training_answers_nothing_leaks() -> None:
    assert boilerplate_phrases([], ["hello"]) == ()
    assert not has_boilerplate("hello there you", ())
