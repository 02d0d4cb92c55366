"""Preference data is refused by its name, with what to do to learn its good answers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.data.records import examples, refused, turns
from workbench.data.formats import Message

ANSWERED = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]


@pytest.mark.parametrize(
    ("record", "columns"),
    [
        ({"prompt": "Q", "chosen": "A", "rejected": "B"}, "completion=chosen"),
        ({"chosen": ANSWERED, "rejected": ANSWERED}, "messages=chosen"),
        ({"prompt": ANSWERED[:1], "chosen": ANSWERED[1:], "rejected": []}, "completion=chosen"),
        ({"query": "Q", "response": "A", "rejected_response": "B"}, "completion=response"),
    ],
)
def test_pairs_of_a_good_and_a_bad_answer(record: dict[str, Any], columns: str) -> None:
    message = refused(record)
    assert "preference data (DPO: " in message
    assert message.endswith(f"to learn the good answers alone, set data.columns to {columns}")
    name, _, column = columns.partition("=")
    mapped: dict[Any, str] = {name: column}
    learned = examples(record, columns=mapped).rows[0].messages
    assert learned == (Message("user", "Q"), Message("assistant", "A"))


@pytest.mark.parametrize("labels", [(True, False), (True, True), ("true", "False")])
@pytest.mark.parametrize("form", ["auto", "prompt_completion"])
def test_answers_labelled_good_or_bad(labels: tuple[object, ...], form: Any) -> None:
    records = [{"prompt": "Q", "completion": "A", "label": label} for label in labels]
    assert "preference data (KTO: 'label' says whether an answer is good)" in refused(
        *records, form=form
    )


def test_labels_of_classes_are_no_preferences() -> None:
    record = {"prompt": "Q", "completion": "A", "label": 1}
    assert examples(record).unused == ("label",)
    assert examples({"text": "A queue.", "label": True}).format == "text"


@pytest.mark.parametrize(
    "fields",
    [
        {"responses": ["A", "B"], "ranking": [1, 0]},
        {"completions": ["A", "B"], "labels": [True, False]},
        {"response_a": "A", "response_b": "B", "winner": "a"},
        {"response_j": "A", "response_k": "B"},
    ],
)
def test_answers_that_are_compared(fields: dict[str, Any]) -> None:
    message = refused({"prompt": "Q", **fields})
    assert "preference data (answers compared by '" in message
    assert message.endswith("write the best answer of each row as 'completion', alone")


def test_a_rank_alone_is_no_comparison() -> None:
    assert examples({"prompt": "Q", "completion": "A", "rank": 3}).unused == ("rank",)


def test_single_turns_belong_to_no_conversation() -> None:
    message = refused({"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"})
    assert "each row is a single turn; write each conversation as one row" in message


def test_a_field_of_messages_is_no_preference() -> None:
    assert examples({**turns(("user", "Q"), ("assistant", "A")), "rank": None}).unused == ()
