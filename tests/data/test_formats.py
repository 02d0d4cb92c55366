"""Every known format becomes the same conversations, and rows that do not fit are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.data.records import examples, refused, turns
from workbench.core.errors import BadInputError
from workbench.data.formats import ExampleStream, Message, to_examples
from workbench.data.rows import Row, RowFault

if TYPE_CHECKING:
    from collections.abc import Iterator

PAIR = (Message("user", "Why?"), Message("assistant", "Because."))


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (turns(("user", "Why?"), ("assistant", "Because.")), "messages"),
        (
            {
                "conversations": [
                    {"from": "human", "value": "Why?"},
                    {"from": "gpt", "value": "Because."},
                ]
            },
            "sharegpt",
        ),
        ({"instruction": "Why?", "input": "", "output": "Because."}, "alpaca"),
        ({"instruction": "Why?", "output": "Because."}, "alpaca"),
        ({"instruction": "Why?", "context": None, "response": "Because."}, "alpaca"),
        ({"prompt": "Why?", "completion": "Because."}, "prompt_completion"),
        ({"prompt": "Why?", "response": "Because."}, "prompt_completion"),
        ({"query": "Why?", "response": "Because."}, "prompt_completion"),
        ({"question": "Why?", "answer": "Because."}, "question_answer"),
    ],
)
def test_formats_are_recognised_by_their_fields(record: dict[str, Any], name: str) -> None:
    recognised = examples(record)
    assert recognised.format == name
    assert [example.messages for example in recognised.rows] == [PAIR]
    form: Any = name
    assert examples(record, form=form) == recognised


def test_plain_text_lists_its_unused_fields() -> None:
    dataset = examples({"text": "A queue.", "label": "queue"})
    assert dataset.format == "text"
    assert dataset.rows[0].text == "A queue."
    assert dataset.rows[0].messages == ()
    assert dataset.rows[0].fields["label"] == "queue"
    assert dataset.unused == ("label",)


def test_an_input_follows_its_instruction() -> None:
    dataset = examples({"instruction": "Shorten:", "input": "A long text.", "output": "Text."})
    assert dataset.rows[0].messages[0] == Message("user", "Shorten:\n\nA long text.")


@pytest.mark.parametrize("field", ["system", "system_prompt"])
def test_a_system_prompt_beside_the_question_comes_first(field: str) -> None:
    dataset = examples({field: "Be brief.", "question": "Why?", "response": "Because."})
    assert dataset.rows[0].messages == (Message("system", "Be brief."), *PAIR)
    assert dataset.unused == ()


def test_a_blank_system_prompt_and_a_second_one_are_not_added() -> None:
    own = turns(("system", "Mine."), ("user", "Why?"), ("assistant", "Because."))
    blank = {**turns(("user", "Why?"), ("assistant", "Because.")), "system": ""}
    dataset = examples({**own, "system": "Theirs."}, blank)
    assert examples({**own, "system": "Theirs."}).unused == ("system",)
    assert dataset.rows[0].messages == (Message("system", "Mine."), *PAIR)
    assert dataset.rows[1].messages == PAIR


def test_messages_take_precedence_over_a_prompt() -> None:
    record = {**turns(("user", "Why?"), ("assistant", "Because.")), "prompt": "x", "response": "y"}
    assert examples(record).format == "messages"


def test_unrecognised_fields_are_listed_with_the_known_formats() -> None:
    message = refused({"key": 1, "prompt": "Write.", "kwargs": []})
    assert message.startswith("data.jsonl: format not recognised from the fields 'key', 'prompt', ")
    assert "alpaca (instruction, output)" in message
    assert "name yours in data.columns, as in 'prompt=Question, completion=Reply'" in message


def test_a_named_format_that_no_row_fits_lists_the_fields() -> None:
    assert refused({"text": "x"}, form="alpaca") == (
        "data.jsonl: not alpaca (instruction, output): its fields are 'text'"
    )


@pytest.mark.parametrize("answer", [2, "2"])
def test_multiple_choice_is_never_learned_as_a_number(answer: object) -> None:
    message = refused({"question": "Which?", "choices": ["a", "b", "c"], "answer": answer})
    assert "multiple choice (field 'choices')" in message


def test_multiple_choice_answers_need_a_named_format() -> None:
    record = {"question": "Which?", "choices": ["a", "b"], "answer": "b"}
    assert examples(record, form="question_answer").rows[0].messages[-1].content == "b"


def test_rows_that_do_not_fit_are_listed() -> None:
    good = turns(("user", "Why?"), ("assistant", "Because."))
    message = refused(
        good,
        {"messages": "hello"},
        good,
        turns(("user", "Why?"), ("wizard", "Because.")),
        turns(("user", "Why?"), ("assistant", {"because": True})),
        good,
        {"messages": ["hello"]},
        good,
        good,
    )
    assert message.startswith(
        "data.jsonl: line 2: 'messages' is text that is not JSON; line 4: unknown role"
    )
    assert "'wizard'; it must be system, user, assistant, tool or a usual name of one" in message
    assert "line 5: 'content' is an object, not text; and other faults" in message
    assert message.endswith(
        "; 4 of 9 rows (44.4 %) would be dropped, and data.max_dropped allows 5 %: correct them, "
        "or set it to 0.45 to go on without them"
    )


def test_rows_without_the_common_fields_are_listed() -> None:
    good = {"query": "Why?", "response": "Because."}
    message = refused(good, {"query": "Why?"}, good, {"query": "Why?", "response": None})
    assert message.startswith("data.jsonl: line 2: no 'response'; line 4: 'response' is null; 2 of")


def test_rows_of_other_conversational_formats_are_read_as_what_they_are() -> None:
    pair = {"query": "Why?", "response": "Because."}
    chat = turns(("user", "Why?"), ("assistant", "Because."))
    dataset = examples(pair, chat, pair)
    assert [example.messages for example in dataset.rows] == [PAIR] * 3
    assert dataset.format == "prompt_completion, messages"


def test_a_text_among_conversations_is_not_learned_as_one() -> None:
    message = refused({"query": "Why?", "response": "So."}, {"text": "A queue."})
    assert "line 2: no 'query'" in message


def test_a_role_from_the_data_cannot_steer_the_terminal() -> None:
    message = refused(turns(("user", "Why?"), ("\x1b[2J", "Because.")))
    assert "\x1b" not in message
    assert r"'\x1b[2J'" in message


def test_a_single_row_without_an_answer_is_listed() -> None:
    message = refused(turns(("user", "Why?"), ("assistant", "So.")), turns(("user", "Why?")))
    assert message.startswith("data.jsonl: line 2: no assistant message; 1 of 2 rows (50.0 %)")


@pytest.mark.parametrize(
    "record",
    [
        turns(("user", "Why?")),
        turns(("user", "Why?"), ("assistant", " ")),
        turns(("user", "Why?"), ("assistant", None)),
        {"prompt": "Why?", "completion": ""},
        {"question": "Why?", "answer": None},
        {"text": " \n"},
    ],
)
def test_a_dataset_without_any_assistant_text_is_refused(record: dict[str, Any]) -> None:
    assert refused(*[record] * 3).startswith(
        "data.jsonl: no assistant text in any of its 3 rows, so there is nothing to learn"
    )


def test_empty_rows_are_dropped_and_listed() -> None:
    records = (
        {"prompt": "Why?", "completion": "Because."},
        {"prompt": "Why?", "completion": " "},
        {"prompt": "", "completion": "Because."},
        {"prompt": "How?", "completion": {"so": 1}},
    )
    dataset = examples(*records, max_dropped=0.75)
    assert [example.number for example in dataset.rows] == [1]
    assert dataset.empty == (2, 3)
    assert dataset.dropped == (RowFault(4, "'completion' is an object, not text"),)
    message = refused(*records, max_dropped=0.74)
    assert "lines 2 and 3: blank; line 4: 'completion' is an object, not text; 3 of 4" in message
    assert "set it to 0.75 to go on" in message


def test_data_without_a_field_for_it_in_the_recipe_offers_none() -> None:
    good, bad = {"text": "A queue."}, {"text": ""}
    assert refused(good, bad, max_dropped=None).endswith(
        "1 of 2 rows (50.0 %) would be dropped, and at most 5 % may be: correct them, or take them "
        "out of it"
    )


def test_five_rows_of_a_hundred_may_be_dropped_without_a_word() -> None:
    good, bad = {"prompt": "Why?", "completion": "So."}, {"prompt": "Why?", "completion": ""}
    assert len(examples(*[good] * 95, *[bad] * 5).rows) == 95
    assert "6 of 100 rows (6.0 %)" in refused(*[good] * 94, *[bad] * 6)


def test_a_stream_is_read_once_and_only_as_far_as_it_is_used() -> None:
    asked: list[int] = []

    def rows() -> Iterator[Row]:
        for number in range(1, 5001):
            asked.append(number)
            yield Row(number, {"prompt": "Why?", "completion": f"Because {number}."})

    stream = ExampleStream(rows(), "auto", "data.jsonl")
    assert (stream.format, len(asked)) == ("prompt_completion", 1000)
    iterator = iter(stream)
    numbers = [next(iterator).number for _ in range(1500)]
    assert numbers == list(range(1, 1501))
    assert len(asked) == 1500


def test_a_format_is_recognised_in_the_first_rows_alone() -> None:
    rows = [Row(n, {"prompt": "Why?", "completion": "So."}) for n in range(1, 1001)]
    rows += [Row(n, {"text": "A queue."}) for n in range(1001, 4001)]
    with pytest.raises(BadInputError, match=r"lines 1001, 1002, 1003 and 2,997 more: no 'prompt'"):
        to_examples(rows, "auto", "data.jsonl", "line")
