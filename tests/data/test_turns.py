"""The keys of a message: roles, weights, thoughts, tool calls, parts, and what is unused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.data.records import example, examples, refused
from workbench.data.formats import Message

ASKED = {"role": "user", "content": "Where is Ada?"}
CALL = {"type": "function", "id": "c7", "function": {"name": "find", "arguments": {"who": "Ada"}}}


def chat(*turns: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"messages": [ASKED, *turns], **fields}


def said(turn: dict[str, Any]) -> Message:
    """The answer that a turn becomes."""
    return example(chat(turn)).messages[-1]


@pytest.mark.parametrize(
    ("names", "role"),
    [
        (("system", "SYSTEM", "developer"), "system"),
        (("user", "Human", " human ", "prompter"), "user"),
        (("assistant", "Assistant", "gpt", "ChatGPT", "bing", "AI", "GPT-4", "model"), "assistant"),
        (("tool", "function", "observation", "ipython", "function-response"), "tool"),
    ],
)
def test_roles_have_many_names(names: tuple[str, ...], role: str) -> None:
    for name in names:
        messages = example(chat({"from": name, "value": "x"}, {"from": "gpt", "value": "y"}))
        assert messages.messages[1].role == role


@pytest.mark.parametrize(
    ("marks", "trained"),
    [
        ({}, True),
        ({"weight": 1}, True),
        ({"weight": 0}, False),
        ({"weight": 0.0}, False),
        ({"weight": None, "train": None}, True),
        ({"train": False}, False),
        ({"training": True}, True),
        ({"trainable": False}, False),
        ({"loss": False}, False),
        ({"weight": 1, "train": False}, False),
    ],
)
def test_an_answer_says_whether_it_is_learned(marks: dict[str, Any], trained: bool) -> None:
    last = {"role": "assistant", "content": "There."}
    dataset = examples(chat({"role": "assistant", "content": "Here.", **marks}, ASKED, last))
    assert [m.trained for m in dataset.rows[0].messages if m.role == "assistant"] == [trained, True]
    assert dataset.unused == ()


@pytest.mark.parametrize("weight", [0.5, 2, -1, "1", [0]])
def test_other_weights_are_refused(weight: object) -> None:
    message = refused(chat({"role": "assistant", "content": "Here.", "weight": weight}))
    assert f"line 1: 'weight' is {weight!r}: an answer is either learned" in message


def test_a_conversation_without_a_weighty_answer_has_nothing_to_learn() -> None:
    message = refused(chat({"role": "assistant", "content": "Here.", "weight": 0}))
    assert message == "data.jsonl: line 1: no answer is to be learned: all have weight 0"


def test_training_parts_of_a_turn_is_refused() -> None:
    detail = [{"begin_offset": 0, "end_offset": 2, "train": False}]
    message = refused(chat({"role": "assistant", "content": "Here.", "train_detail": detail}))
    assert "'train_detail' trains parts of a message; write the row as 'segments'" in message


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking"])
def test_a_thought_in_a_field_of_its_own(key: str) -> None:
    assert said({"role": "assistant", "content": "Here.", key: "Let me look."}) == Message(
        "assistant", "Here.", reasoning="Let me look."
    )


@pytest.mark.parametrize(
    "calls",
    [
        {"tool_calls": [CALL]},
        {"tool_calls": [{**CALL, "function": {"name": "find", "arguments": '{"who": "Ada"}'}}]},
        {"tool_calls": [{"id": "c7", "name": "find", "arguments": {"who": "Ada", "where": None}}]},
        {"tool_calls": '[{"id": "c7", "name": "find", "arguments": {"who": "Ada"}}]'},
    ],
)
def test_calls_are_written_in_one_way(calls: dict[str, Any]) -> None:
    assert said({"role": "assistant", "content": None, **calls}).tool_calls == (CALL,)


@pytest.mark.parametrize(
    "turn",
    [
        {"role": "assistant", "function_call": {"name": "find", "arguments": '{"who": "Ada"}'}},
        {"from": "function_call", "value": '{"name": "find", "arguments": {"who": "Ada"}}'},
        {
            "from": "function-call",
            "value": '{"name": "find", "arguments": "{\\"who\\": \\"Ada\\"}"}',
        },
        {"from": "tool_call", "value": {"name": "find", "parameters": {"who": "Ada"}}},
    ],
)
def test_older_ways_to_call_a_function(turn: dict[str, Any]) -> None:
    without_id = {"type": "function", "function": {"name": "find", "arguments": {"who": "Ada"}}}
    assert said(turn) == Message("assistant", "", tool_calls=(without_id,))


def test_a_null_in_the_json_of_arguments_is_the_authors_own() -> None:
    turn = {"from": "function_call", "value": '{"name": "f", "arguments": "{\\"x\\": null}"}'}
    assert said(turn).tool_calls[0]["function"] == {"name": "f", "arguments": {"x": None}}


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ({"arguments": {}}, "a tool call has no 'name'"),
        ({"name": "f", "arguments": "{"}, "the arguments of 'f' is text that is not JSON"),
        ({"name": "f", "arguments": "[1]"}, "the arguments of 'f' are a list, not an object"),
        (3, "a tool call is a number, not an object"),
    ],
)
def test_a_call_that_cannot_be_read_is_refused(call: object, reason: str) -> None:
    assert reason in refused(chat({"role": "assistant", "content": "x", "tool_calls": [call]}))


def test_results_of_tools() -> None:
    result = {"role": "tool", "tool_call_id": "c7", "name": "find", "content": {"place": "Köln"}}
    messages = example(chat(result, {"role": "assistant", "content": "In Köln."})).messages
    assert messages[1] == Message("tool", '{"place": "Köln"}', name="find", tool_call_id="c7")


@pytest.mark.parametrize(
    "tools",
    [
        [{"type": "function", "function": {"name": "find", "parameters": {}}}],
        [{"name": "find", "parameters": {}, "strict": None}],
        '[{"name": "find", "parameters": {}}]',
        ['{"name": "find", "parameters": {}}'],
    ],
)
@pytest.mark.parametrize("field", ["tools", "functions"])
def test_tools_of_a_row(field: str, tools: object) -> None:
    answer = {"role": "assistant", "content": "Here."}
    dataset = examples(chat(answer, **{field: tools}))
    wanted = {"type": "function", "function": {"name": "find", "parameters": {}}}
    assert dataset.rows[0].tools == (wanted,)
    assert dataset.unused == ()


@pytest.mark.parametrize("tools", [None, "", "[]", []])
def test_a_row_without_tools(tools: object) -> None:
    assert example(chat({"role": "assistant", "content": "Here."}, tools=tools)).tools == ()


def test_text_parts_are_joined_and_thoughts_are_apart() -> None:
    parts = [
        {"type": "thinking", "thinking": "Let me look."},
        {"type": "text", "text": "He", "image_url": None},
        "re.",
    ]
    assert said({"role": "assistant", "content": parts}) == Message(
        "assistant", "Here.", reasoning="Let me look."
    )


def test_parts_of_other_kinds_are_refused_by_name() -> None:
    parts = [{"type": "image_url", "image_url": {"url": "x.png"}}, {"type": "text", "text": "?"}]
    message = refused(
        {"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": "A."}]}
    )
    assert "line 1: 'content' has a part of type 'image_url'; only text can be trained" in message


def test_a_turn_needs_a_role_and_something_said() -> None:
    assert "a message has no 'role' or 'from'" in refused(chat({"content": "x"}))
    assert "a message has no 'content' or 'value'" in refused(chat({"role": "assistant"}))


def test_keys_that_no_model_sees_are_listed() -> None:
    dataset = examples(
        chat({"role": "assistant", "content": "Here.", "mood": "glad", "name": "Bo", "id": None}),
        {"messages": [{**ASKED, "tool_calls": [CALL]}, {"role": "gpt", "content": "Here."}]},
    )
    assert dataset.unused == ("messages[].mood", "messages[].name", "messages[].tool_calls")


def test_a_number_is_written_out_and_a_truth_is_refused() -> None:
    assert said({"role": "assistant", "content": 42}).content == "42"
    message = refused(chat({"role": "assistant", "content": True}))
    assert "'content' is true or false, not text" in message


@pytest.mark.parametrize(
    "messages",
    [
        '[{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]',
        {"role": ["user", "assistant"], "content": ["Why?", "So."], "weight": None},
    ],
)
def test_messages_as_text_and_as_columns(messages: object) -> None:
    wanted = (Message("user", "Why?"), Message("assistant", "So."))
    assert example({"messages": messages}).messages == wanted


def test_columns_of_different_lengths_are_refused() -> None:
    columns = {"role": ["user", "assistant"], "content": ["Why?"]}
    assert "'messages' has lists of different lengths" in refused({"messages": columns})
