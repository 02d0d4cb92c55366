"""What is learned of a conversation is what the model would generate, wherever its words occur."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.data import tokenizers
from tests.data.test_rendering import learned
from tests.data.tokenizers import tokenizer_with
from tests.tiny import byte_tokenizer
from workbench.data.formats import Example, Message
from workbench.data.rendering import IGNORE_INDEX, Renderer
from workbench.data.rows import RowFault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from transformers import PreTrainedTokenizerBase

ASKED = Message("user", "Weather?")
TOOLS = ({"type": "function", "function": {"name": "weather"}},)
CALL = {"type": "function", "id": "c1", "function": {"name": "weather", "arguments": {"at": "Rom"}}}
RESULT = Message("tool", "mild", name="weather", tool_call_id="c1")

CALLS = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "{% for call in message.tool_calls or [] %}<call>{{ call.function.name }}"
    "({{ call.function.arguments | tojson }})</call>{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NEXT_ROLE_ENDS = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}"
    "{% for call in message.tool_calls or [] %}<call>{{ call.function.name }}</call>{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def rows_of(
    tokenizer: PreTrainedTokenizerBase,
    messages: Sequence[Message],
    tools: Sequence[Mapping[str, object]] = (),
    *,
    assistant_only_loss: bool = True,
) -> list[str] | str:
    """What is learned of a conversation, or why it is refused."""
    renderer = Renderer(tokenizer, assistant_only_loss, 4096)
    example = Example(1, {}, messages=tuple(messages), tools=tuple(tools))
    (row,) = renderer.try_render([example])
    return row.reason if isinstance(row, RowFault) else learned(tokenizer, row)


@pytest.mark.parametrize("answer", ["a", "user", "assistant", "im", "Weather?", "\u00e9", "<"])
def test_an_answer_that_occurs_everywhere_is_learned_once(answer: str) -> None:
    messages = (Message("user", f"{answer} {answer}"), Message("assistant", answer)) * 2
    assert rows_of(byte_tokenizer(), messages) == [f"{answer}<|im_end|>"] * 2


def test_an_answer_that_is_not_trained_is_only_read() -> None:
    wrong, right = Message("assistant", "WRONG", trained=False), Message("assistant", "RIGHT")
    messages = (ASKED, wrong, ASKED, right)
    assert rows_of(byte_tokenizer(), messages) == ["RIGHT<|im_end|>"]
    everything = rows_of(byte_tokenizer(), messages, assistant_only_loss=False)
    assert everything == [
        "<|im_start|>user\nWeather?<|im_end|>\n<|im_start|>assistant\n",
        "\n<|im_start|>user\nWeather?<|im_end|>\n<|im_start|>assistant\nRIGHT<|im_end|>\n",
    ]


def test_calls_are_learned_and_results_are_read() -> None:
    asking = Message("assistant", "", tool_calls=(CALL,))
    messages = (ASKED, asking, RESULT, Message("assistant", "mild"))
    call = '<call>weather({"at": "Rom"})</call><|im_end|>'
    assert rows_of(tokenizer_with(CALLS), messages, TOOLS) == [call, "mild<|im_end|>"]
    assert rows_of(tokenizer_with(CALLS), messages[:2], TOOLS) == [call]


def test_words_beside_calls_are_learned_with_them() -> None:
    asking = Message("assistant", "weather", tool_calls=(CALL, CALL))
    call = '<call>weather({"at": "Rom"})</call>'
    assert rows_of(tokenizer_with(CALLS), (ASKED, asking), TOOLS) == [
        f"weather{call}{call}<|im_end|>"
    ]


def test_an_end_token_in_the_arguments_is_not_the_end() -> None:
    call = {**CALL, "function": {"name": "weather", "arguments": {"at": "<|im_end|>"}}}
    messages = (ASKED, Message("assistant", "", tool_calls=(call,)), RESULT)
    assert rows_of(tokenizer_with(CALLS), messages, TOOLS) == [
        '<call>weather({"at": "<|im_end|>"})</call><|im_end|>'
    ]


def test_a_dropped_call_is_refused() -> None:
    messages = (ASKED, Message("assistant", "", tool_calls=(CALL,)))
    reason = rows_of(byte_tokenizer(), messages, TOOLS)
    assert "drops the call of 'weather'; set data.chat_template" in reason


def test_words_that_are_dropped_beside_calls_are_refused() -> None:
    template = CALLS.replace(
        "{{ message.content }}", "{{ '' if message.tool_calls else message.content }}"
    )
    spoken = Message("assistant", "Let me see.", tool_calls=(CALL,))
    reason = rows_of(tokenizer_with(template), (ASKED, spoken), TOOLS)
    assert "drops what the answer says beside its call" in reason


def test_where_nothing_else_ends_a_turn_the_next_role_does() -> None:
    tokenizer = tokenizer_with(
        NEXT_ROLE_ENDS, eos="<eos>", special=("<|user|>", "<|assistant|>", "<|tool|>")
    )
    asking = Message("assistant", "", tool_calls=(CALL,))
    messages = (ASKED, Message("assistant", "six"), ASKED, asking, RESULT)
    last = Message("assistant", "mild")
    assert rows_of(tokenizer, (*messages, last), TOOLS) == [
        "six<|user|>",
        "<call>weather</call><|tool|>",
        "mild<eos>",
    ]
    assert rows_of(tokenizer, messages[:-1], TOOLS)[-1] == "<call>weather</call><eos>"


def test_a_repeated_answer_is_refused() -> None:
    template = tokenizers.MARKED.replace("{% generation %}", "").replace("{% endgeneration %}", "")
    twice = template.replace("{{ message['content'] }}", "{{ message['content'] * 2 }}", 1)
    assert "repeats the answer" in rows_of(
        tokenizer_with(twice), (ASKED, Message("assistant", "six"))
    )


def test_an_answer_that_the_template_rewrites_is_still_found() -> None:
    template = tokenizers.CHATML.replace(
        "message['content']", "message['content'] | replace('six', '6')"
    )
    assert rows_of(tokenizer_with(template), (ASKED, Message("assistant", "six"))) == [
        "6<|im_end|>"
    ]


def test_marks_elsewhere_than_the_answer_are_refused() -> None:
    template = tokenizers.MARKED.replace(
        "{% generation %}{{ message['content'] }}{% endgeneration %}",
        "{{ message['content'] }}{% generation %} {% endgeneration %}",
    )
    reason = rows_of(tokenizer_with(template), (ASKED, Message("assistant", "six")))
    assert "{% generation %} marks" in reason


def test_what_marks_exclude_is_not_learned() -> None:
    template = tokenizers.MARKED.replace("{% generation %}", "Answer: {% generation %}")
    assert rows_of(tokenizer_with(template), (ASKED, Message("assistant", "six"))) == [
        "six<|im_end|>"
    ]


def test_python_errors_in_a_template_name_the_row_and_the_error() -> None:
    template = "{{ messages[0]['content'] + 1 }}"
    renderer = Renderer(tokenizer_with(template), True, 512)
    row = Example(7, {}, messages=(ASKED, Message("assistant", "six")))
    (fault,) = renderer.try_render([row])
    assert isinstance(fault, RowFault)
    assert fault.number == 7
    assert "refuses it: TypeError: can only concatenate str" in fault.reason


def test_faults_and_rows_come_in_order() -> None:
    good = Example(1, {}, messages=(ASKED, Message("assistant", "six")))
    bad = Example(2, {}, messages=(ASKED, Message("assistant", "", tool_calls=(CALL,))))
    rows = Renderer(byte_tokenizer(), True, 512).try_render([good, bad, good])
    assert [isinstance(row, RowFault) for row in rows] == [False, True, False]
    assert rows[0] == rows[2]


def test_the_first_label_follows_the_prompt_of_inference() -> None:
    tokenizer = byte_tokenizer()
    renderer = Renderer(tokenizer, True, 512)
    messages = (ASKED, Message("assistant", "Weather?"))
    row = renderer.render(Example(1, {}, messages=messages))
    prompt = renderer.prompt(messages[:1])
    assert row.input_ids[: len(prompt)] == prompt
    assert [label == IGNORE_INDEX for label in row.labels].index(False) == len(prompt)
