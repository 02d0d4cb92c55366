"""Conversations of every kind, for properties that must hold for all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from workbench.data import thinking
from workbench.data.formats import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

TOOLS: tuple[Mapping[str, object], ...] = (
    {
        "type": "function",
        "function": {
            "name": "look_up",
            "description": "Look a word up.",
            "parameters": {
                "type": "object",
                "properties": {"word": {"type": "string", "description": "The word."}},
            },
        },
    },
)


@dataclass(frozen=True)
class Chat:
    """A conversation.

    Attributes:
        messages: Its turns; thoughts are in the field for them.
        tools: The tools that it calls.
        inline: Thoughts are to be written into the answers.
    """

    messages: tuple[Message, ...]
    tools: tuple[Mapping[str, object], ...]
    inline: bool

    def as_read(self, *, inline: bool) -> tuple[Message, ...]:
        """The turns as a data set has them, thoughts in the answers or in the field for them."""
        return tuple(map(_inlined, self.messages)) if inline else self.messages


_TEMPLATE_WORDS = (
    *("user", "assistant", "model", "system", "tool", "think", "thought", "final", "analysis"),
    *("<|im_end|>", "<|im_start|>assistant\n", "<|eot_id|>", "<end_of_turn>", "<|end|>", "</s>"),
    *(
        "Assistant:",
        "[/INST]",
        "<|assistant|>",
        "<turn|>",
        "<\uff5cAssistant\uff5c>",
        "to=user",
        "<tool_call>",
    ),
    *("A", "6", "x x x", "é", "你好 🎉", "a\nb", 'say "hi"', "back\\slash", "{}", "It's"),
)
_plain = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Co", "Cn")), max_size=12
).filter(lambda text: "think>" not in text)
_said = st.one_of(st.sampled_from(_TEMPLATE_WORDS), _plain).map(str.strip)
_asked = st.one_of(st.sampled_from(_TEMPLATE_WORDS), _plain)
_filled = _said.filter(bool)
_letters = st.sampled_from(("a", "final", "assistant", "two words", "Straße", "</think>", "call"))


@st.composite
def _tool_turns(draw: st.DrawFn, count: int) -> list[Message]:
    """A question to a tool, and its answer."""
    names = draw(st.lists(st.sampled_from(("look_up", "final", "a")), min_size=1, max_size=2))
    calls = tuple(
        {
            "type": "function",
            "id": f"call{count}{index}xyz",
            "function": {"name": name, "arguments": {"word": draw(_letters)}},
        }
        for index, name in enumerate(names)
    )
    asked = Message(
        "assistant",
        draw(st.one_of(st.just(""), _said)),
        trained=draw(st.booleans()),
        reasoning=draw(st.one_of(st.just(""), st.just(""), _filled)),
        tool_calls=calls,
    )
    results = [
        Message("tool", draw(_filled), name=name, tool_call_id=str(call["id"]))
        for name, call in zip(names, calls, strict=True)
    ]
    return [asked, *results]


@st.composite
def chats(draw: st.DrawFn) -> Chat:
    """One conversation."""
    with_tools = draw(st.sampled_from((False, False, True)))
    messages = [Message("system", draw(_filled))] if draw(st.booleans()) else []
    for count in range(draw(st.integers(1, 3))):
        messages.append(Message("user", draw(_asked)))
        if with_tools:
            messages += draw(_tool_turns(count))
        words = draw(_said)
        thought = draw(st.one_of(st.just(""), _filled)) if words else ""
        messages.append(
            Message(
                "assistant",
                words,
                trained=draw(st.sampled_from((True, True, False))),
                reasoning=thought,
            )
        )
    if with_tools and draw(st.booleans()):
        while messages[-1].role != "assistant" or not messages[-1].tool_calls:
            messages.pop()
    return Chat(tuple(messages), TOOLS if with_tools else (), draw(st.booleans()))


def _inlined(message: Message) -> Message:
    if not message.reasoning or not message.content:
        return message
    return replace(
        message, content=thinking.joined(message.reasoning, message.content), reasoning=""
    )
