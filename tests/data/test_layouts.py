"""Layouts other than lists of messages: pairs, histories, segments, tokens."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.data.records import example, examples, refused, turns
from workbench.data.formats import Message, Piece, Tokens

PAIR = (Message("user", "Why?"), Message("assistant", "So."))


@pytest.mark.parametrize(
    "record",
    [
        {"INSTRUCTION": "Why?", "RESPONSE": "So."},
        {"Question": "Why?", "Answer": "So."},
        {"inputs": "Why?", "targets": "So."},
        {"problem": "Why?", "solution": "So."},
        {"user": "Why?", "assistant": "So."},
        {"instruction": None, "output": None, "question": "Why?", "answer": "So."},
        {"prompt": "Why?", "completion": "So.", "label": math.nan},
    ],
)
def test_pairs_by_any_name(record: dict[str, Any]) -> None:
    dataset = examples(record)
    assert dataset.rows[0].messages == PAIR
    assert dataset.unused == ()


def test_of_two_answers_the_unused_one_is_listed() -> None:
    dataset = examples({"question": "2 + 2?", "answer": 4, "solution": "Two and two make 4."})
    assert dataset.rows[0].messages[-1].content == "4"
    assert dataset.unused == ("solution",)


@pytest.mark.parametrize(("number", "text"), [(4, "4"), (-0.5, "-0.5")])
def test_numbers_are_answers_as_well(number: float, text: str) -> None:
    assert example({"question": "x?", "answer": number}).messages[-1].content == text


@pytest.mark.parametrize("answer", [math.nan, None])
def test_an_answer_that_is_nothing_drops_its_row(answer: object) -> None:
    good = {"question": "x?", "answer": "y"}
    dataset = examples(*[good] * 19, {"question": "x?", "answer": answer})
    assert [fault.number for fault in dataset.dropped] == [20]


def test_prompt_and_completion_as_messages() -> None:
    record = {
        "prompt": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello."},
            {"role": "user", "content": "Why?"},
        ],
        "completion": [{"role": "assistant", "content": "So."}],
    }
    assert example(record).messages == (
        Message("system", "Be brief."),
        Message("user", "Hi"),
        Message("assistant", "Hello.", trained=False),
        *PAIR,
    )
    assert example({**record, "completion": "So."}).messages[-1] == PAIR[1]
    assert example({**record, "prompt": "Why?"}).messages == PAIR


def test_a_list_that_is_no_messages_is_refused() -> None:
    message = refused({"prompt": "Why?", "completion": ["So."]})
    assert message == "data.jsonl: line 1: 'completion' is a list, not text"
    message = refused({"prompt": ["Why?"], "completion": "So."})
    assert message == "data.jsonl: line 1: 'prompt' is a list of text, not of messages"


@pytest.mark.parametrize(
    "history",
    [
        [["Hi", "Hello."]],
        '[["Hi", "Hello."]]',
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}],
    ],
)
def test_a_history_comes_before_the_question_and_is_learned(history: object) -> None:
    record = {"instruction": "Why?", "input": "", "output": "So.", "history": history}
    dataset = examples({**record, "system": "Teach."})
    assert dataset.rows[0].messages == (
        Message("system", "Teach."),
        Message("user", "Hi"),
        Message("assistant", "Hello."),
        *PAIR,
    )
    assert dataset.unused == ()


@pytest.mark.parametrize("history", [None, [], ""])
def test_an_empty_history_adds_nothing(history: object) -> None:
    record = {"prompt": "Why?", "response": "So.", "history": history}
    assert example(record).messages == PAIR


def test_a_history_of_something_else_is_refused() -> None:
    message = refused({"prompt": "Why?", "response": "So.", "history": [["Hi"]]})
    assert "'history' is not a list of pairs of question and answer" in message


def test_a_context_comes_before_its_question() -> None:
    record = {"question": "Where?", "context": ["One.", "Two."], "answer": "So."}
    assert example(record).messages[0].content == "One.\n\nTwo.\n\nWhere?"


def test_squad_learns_the_first_answer_and_drops_questions_without_one() -> None:
    fields = {"question": "Where?", "context": "In Rome.", "title": "Rome"}
    answered = {**fields, "answers": {"text": ["Rome", "In Rome"], "answer_start": [3, 0]}}
    unanswered = {**fields, "answers": {"text": [], "answer_start": []}}
    dataset = examples(answered, unanswered, max_dropped=0.5)
    assert dataset.rows[0].messages[-1].content == "Rome"
    assert dataset.empty == (2,)
    assert dataset.unused == ("title",)


def test_segments_are_pieces() -> None:
    segments = [{"label": False, "text": "Q: "}, {"label": True, "text": "A"}]
    dataset = examples({"segments": segments})
    assert dataset.format == "segments"
    assert dataset.rows[0].pieces == (Piece("Q: ", trained=False), Piece("A", trained=True))


@pytest.mark.parametrize(
    ("segments", "reason"),
    [
        ([{"label": False, "text": "Q"}], "no segment is to be learned"),
        ([{"label": "yes", "text": "Q"}], "the 'label' of a segment is 'yes', not true or false"),
        ([{"label": True}], "the 'text' of a segment is null, not text"),
        (["Q"], "a segment is text, not an object"),
    ],
)
def test_segments_that_cannot_be_learned(segments: object, reason: str) -> None:
    assert reason in refused({"segments": segments})


def test_rows_in_tokens() -> None:
    dataset = examples(
        {"input_ids": [5, 6, 7], "labels": [-100, 6, 7], "attention_mask": [1, 1, 1]},
        {
            "input_ids": [5, 6, 0, 0],
            "labels": [-100, 6, -100, -100],
            "attention_mask": [1, 1, 0, 0],
        },
        {"input_ids": [8, 9]},
    )
    assert dataset.format == "tokens"
    assert [row.tokens for row in dataset.rows] == [
        Tokens((5, 6, 7), (-100, 6, 7)),
        Tokens((5, 6), (-100, 6)),
        Tokens((8, 9), (8, 9)),
    ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"labels": [6, 7, -100]}, "label 1 is neither the token in its place nor -100"),
        ({"labels": [-100, -100, -100]}, "no token is to be learned"),
        ({"labels": [5]}, "'labels' is as long as 1 tokens, not 3"),
        ({"labels": ["a", "b", "c"]}, "'labels' is not a list of whole numbers"),
        ({"input_ids": [5, -1]}, "'input_ids' has an id below 0"),
    ],
)
def test_tokens_that_cannot_be_learned(fields: dict[str, Any], reason: str) -> None:
    assert reason in refused({"input_ids": [5, 6, 7], **fields})


def test_a_null_field_is_no_field() -> None:
    chat = {**turns(("user", "Why?"), ("assistant", "So.")), "conversations": None, "text": None}
    dataset = examples(chat)
    assert (dataset.format, dataset.unused) == ("messages", ())
