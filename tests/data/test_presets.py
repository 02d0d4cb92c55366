"""The demo data is what its description promises."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from workbench.data.duplicates import repeats
from workbench.data.splitting import load_examples

if TYPE_CHECKING:
    from workbench.data.formats import Example

TRAIN, HELDOUT, GENERAL = (
    load_examples(f"preset:{name}") for name in ("support_train", "support_heldout", "general")
)
SUPPORT = [*TRAIN.rows, *HELDOUT.rows]


def content_of(example: Example, role: str) -> str:
    (content,) = (message.content for message in example.messages if message.role == role)
    return content


def test_there_are_enough_rows() -> None:
    assert len(TRAIN.rows) >= 400
    assert len(HELDOUT.rows) >= 120
    assert len(GENERAL.rows) >= 200
    assert TRAIN.empty == HELDOUT.empty == GENERAL.empty == ()


def test_no_two_rows_are_equal_on_either_side_or_across() -> None:
    assert repeats(SUPPORT, "normalised") == ()
    assert repeats(GENERAL.rows, "normalised") == ()


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_no_question_and_no_reply_is_used_twice(role: str) -> None:
    counts = Counter(" ".join(content_of(row, role).casefold().split()) for row in SUPPORT)
    assert [words for words, count in counts.items() if count > 1] == []


def test_every_reply_begins_with_its_intent() -> None:
    wrong = [
        row.number
        for row in SUPPORT
        if not content_of(row, "assistant").startswith(f"[{row.fields['intent']}] ")
    ]
    assert wrong == []


def test_intents_are_many_and_the_same_on_both_sides() -> None:
    train = Counter(row.fields["intent"] for row in TRAIN.rows)
    heldout = Counter(row.fields["intent"] for row in HELDOUT.rows)
    assert len(train) >= 12
    assert set(train) == set(heldout)
    assert min(train.values()) >= 20
    assert min(heldout.values()) >= 5


def test_general_prompts_are_of_five_kinds_and_asked_once() -> None:
    kinds = Counter(row.fields["kind"] for row in GENERAL.rows)
    assert set(kinds) == {"knowledge", "reasoning", "instruction", "format", "creative"}
    assert min(kinds.values()) >= 20
    questions = Counter(content_of(row, "user").casefold() for row in GENERAL.rows)
    assert max(questions.values()) == 1


def test_general_answers_are_short_and_not_support_replies() -> None:
    assert max(len(content_of(row, "assistant").split()) for row in GENERAL.rows) <= 120
    intents = {f"[{row.fields['intent']}]" for row in SUPPORT}
    assert not [
        row for row in GENERAL.rows if any(name in content_of(row, "assistant") for name in intents)
    ]
