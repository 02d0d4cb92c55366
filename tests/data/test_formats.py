"""Every known format becomes the same conversations, and rows that do not fit are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from workbench.core.errors import BadInputError
from workbench.data.formats import Message, to_examples
from workbench.data.rows import Row

if TYPE_CHECKING:
    from workbench.data.formats import Examples
    from workbench.recipe.data import DataFormat

PAIR = (Message("user", "Why?"), Message("assistant", "Because."))


def examples(*records: dict[str, Any], form: DataFormat = "auto") -> Examples:
    rows = [Row(number, record) for number, record in enumerate(records, 1)]
    return to_examples(rows, form, "data.jsonl", "line")


def refused(*records: dict[str, Any], form: DataFormat = "auto") -> str:
    with pytest.raises(BadInputError) as caught:
        examples(*records, form=form)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def turns(*pairs: tuple[object, object]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in pairs]}


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
    assert dataset.rows[0].messages == (Message("system", "Mine."), *PAIR)
    assert dataset.rows[1].messages == PAIR


def test_messages_take_precedence_over_a_prompt() -> None:
    record = {**turns(("user", "Why?"), ("assistant", "Because.")), "prompt": "x", "response": "y"}
    assert examples(record).format == "messages"


def test_unrecognised_fields_are_listed_with_the_known_formats() -> None:
    message = refused({"key": 1, "prompt": "Write.", "kwargs": []})
    assert message.startswith("data.jsonl: format not recognised from the fields 'key', 'prompt', ")
    assert "alpaca (instruction, output/response)" in message


def test_a_named_format_that_no_row_fits_lists_the_fields() -> None:
    assert refused({"text": "x"}, form="alpaca") == (
        "data.jsonl: not alpaca (instruction, output/response): its fields are 'text'"
    )


@pytest.mark.parametrize("answer", [2, "2"])
def test_multiple_choice_is_never_learned_as_a_number(answer: object) -> None:
    message = refused({"question": "Which?", "choices": ["a", "b", "c"], "answer": answer})
    assert "multiple choice (field 'choices')" in message


def test_multiple_choice_answers_need_a_named_format_and_text() -> None:
    record = {"question": "Which?", "choices": ["a", "b"], "answer": "b"}
    assert examples(record, form="question_answer").rows[0].messages[-1].content == "b"
    message = refused({**record, "answer": 1}, form="question_answer")
    assert message == "data.jsonl: line 1: 'answer' is a number, not text"


def test_rows_that_do_not_fit_are_listed() -> None:
    good = turns(("user", "Why?"), ("assistant", "Because."))
    message = refused(
        good,
        {"messages": "hello"},
        good,
        turns(("user", "Why?"), ("wizard", "Because.")),
        turns(("user", "Why?"), ("assistant", ["Because."])),
        good,
        {"messages": ["hello"]},
        good,
        good,
    )
    assert message.startswith(
        "data.jsonl: line 2: 'messages' is text, not a list; line 4: unknown role"
    )
    assert "'wizard'; known are system, developer, user, human" in message
    assert "line 5: 'content' is a list, not text; and other faults" in message


def test_rows_without_the_common_fields_are_listed() -> None:
    good = {"prompt": "Why?", "completion": "Because."}
    message = refused(good, {"prompt": "Why?"}, good, {"question": "Why?", "answer": "So."})
    assert message == (
        "data.jsonl: line 2: no 'completion' or 'response' or 'answer' or 'output'; "
        "line 4: no 'prompt' or 'query' or 'input'"
    )


def test_a_role_from_the_data_cannot_steer_the_terminal() -> None:
    message = refused(turns(("user", "Why?"), ("\x1b[2J", "Because.")))
    assert "\x1b" not in message
    assert r"'\x1b[2J'" in message


def test_a_single_row_without_an_answer_is_listed() -> None:
    message = refused(turns(("user", "Why?"), ("assistant", "So.")), turns(("user", "Why?")))
    assert message == "data.jsonl: line 2: no assistant message"


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
    dataset = examples(
        {"prompt": "Why?", "completion": "Because."},
        {"prompt": "Why?", "completion": " "},
        {"prompt": "", "completion": "Because."},
        {"prompt": "How?", "completion": "So."},
    )
    assert [example.number for example in dataset.rows] == [1, 4]
    assert dataset.empty == (2, 3)
