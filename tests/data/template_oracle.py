"""Which tokens of a conversation are to be learned, found in another way than the product does.

A conversation is rendered with a word that occurs nowhere else in the place of everything that a
user could write. In such a skeleton the template's own words are where they seem to be, so that the
family's headers and ends can be searched for. The skeleton is then filled with the real words; the
result must be what ``apply_chat_template`` makes of the real conversation.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from transformers import PreTrainedTokenizerBase

    from tests.data.families import Family
    from workbench.data.formats import Message

_BEGIN, _END = "\ue000", "\ue001"
"""Put around what is learned; generated conversations do not contain them."""

_EMPTY_THOUGHT = re.compile(r"\s*<think>\s*</think>")
_SLOT = re.compile(r"zq(\d+)qz")


class Expected(NamedTuple):
    """What a row should be in tokens."""

    input_ids: list[int]
    learned: list[bool]


class Refusal(NamedTuple):
    """The template cannot render the conversation, or does not show what should be learned."""

    reason: str


class _RefusedError(Exception):
    """As :class:`Refusal`."""


class Oracle:
    """The expected tokens of one conversation with a template of one family."""

    def __init__(
        self,
        family: Family,
        tokenizer: PreTrainedTokenizerBase,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, object]],
    ) -> None:
        """Answers have their thoughts in the field for them, and no blanks around their words."""
        self.family, self.tokenizer, self.tools = family, tokenizer, tools
        self.messages = _merged(messages) if family.no_system else messages
        self.values: list[str] = []
        self.slots: dict[tuple[int, str], list[int]] = {}
        self.think = any(message.reasoning for message in messages)
        self.last = len(self.messages) - 1

    def expected(self) -> Expected | Refusal:
        """What the row should be in tokens, or why it should be refused."""
        try:
            return self._expected()
        except _RefusedError as refusal:
            return Refusal(str(refusal))

    def _expected(self) -> Expected:
        real = self._render([self._dict(turn, real=True) for turn in range(len(self.messages))])
        skeleton = self._render(
            [self._dict(turn, real=False) for turn in range(len(self.messages))]
        )
        fillings = [[fill(value) for value in self.values] for fill in (str, str.strip)]
        fitting = [values for values in fillings if _fill(skeleton, values) == real]
        assert fitting, f"the skeleton does not become the conversation:\n{skeleton!r}\n{real!r}"
        return self._tokens(_fill(self._annotated(skeleton), fitting[0]))

    def _render(self, chat: list[dict[str, Any]]) -> str:
        render = self._render_null if self.family.null_content else self._apply
        try:
            return render(chat, tools=[dict(tool) for tool in self.tools] or None)
        except (TemplateError, TypeError) as error:
            raise _RefusedError(str(error)) from error

    def _apply(self, chat: list[dict[str, Any]], **options: Any) -> str:
        return str(
            self.tokenizer.apply_chat_template(
                chat, tokenize=False, enable_thinking=self.think, **options
            )
        )

    def _render_null(self, chat: list[dict[str, Any]], **options: Any) -> str:
        """As ``apply_chat_template``, which leaves out contents that are null."""
        tokens: dict[str, Any] = dict(self.tokenizer.special_tokens_map)
        template = self.tokenizer.chat_template
        rendered: Any = render_jinja_template([chat], chat_template=template, **tokens, **options)
        return str(rendered[0][0])

    def _slot(self, turn: int, kind: str, value: str, *, real: bool) -> str:
        """The value, or a unique word in its place unless it is blank."""
        if real or not value.strip():
            return value
        self.slots.setdefault((turn, kind), []).append(len(self.values))
        written = json.dumps(value, ensure_ascii=False)[1:-1]
        as_json = kind == "tool" and self.family.json_results
        self.values.append(written if as_json else value)
        return f"zq{len(self.values) - 1}qz"

    def _dict(self, turn: int, *, real: bool) -> dict[str, Any]:
        message, family = self.messages[turn], self.family
        words = self._slot(turn, message.role, message.content, real=real)
        thought = self._slot(turn, "thought", message.reasoning, real=real)
        if thought and family.thoughts == "text":
            words, thought = f"<think>\n{thought}\n</think>\n\n{words}", ""
        content: Any = [{"type": "text", "text": words}] if family.parts else words
        if family.null_content and message.tool_calls and not words:
            content = None
        as_dict: dict[str, Any] = {"role": message.role, "content": content}
        if thought:
            as_dict["reasoning_content"] = as_dict["reasoning"] = thought
        if message.tool_calls:
            as_dict["tool_calls"] = [self._call(turn, call, real) for call in message.tool_calls]
        if message.name:
            as_dict["name"] = message.name
            as_dict["tool_call_id"] = message.tool_call_id
        return as_dict

    def _call(self, turn: int, call: Any, real: bool) -> dict[str, Any]:
        arguments = {
            key: self._slot(turn, "argument", value, real=real)
            for key, value in call["function"]["arguments"].items()
        }
        written = json.dumps(arguments, ensure_ascii=False)
        function = {
            "name": call["function"]["name"],
            "arguments": written if self.family.json_arguments else arguments,
        }
        return {**call, "function": function}

    def _annotated(self, skeleton: str) -> str:
        """The skeleton with signs around what is learned, and with what the template leaves out."""
        for turn in range(self.last, -1, -1):
            message = self.messages[turn]
            if message.role != "assistant" or not (message.content.strip() or message.tool_calls):
                continue
            skeleton = self._annotate(skeleton, turn)
        return skeleton

    def _annotate(self, text: str, turn: int) -> str:
        message, family = self.messages[turn], self.family
        words = self._places(text, turn, "assistant")
        arguments = self._places(text, turn, "argument")
        thought = self._places(text, turn, "thought")
        if message.content.strip() and not words and message.trained:
            raise _RefusedError("the words are dropped")
        if len(arguments) < len(self.slots.get((turn, "argument"), [])):
            raise _RefusedError("a call is dropped")
        first = min(place[0] for place in (*words, *arguments, *thought))
        spoken = min(place[0] for place in (*words, *arguments))
        start = self._start(text, first, spoken, shown=bool(thought), calls=bool(arguments))
        if arguments:
            ends = (turn == self.last and family.last_call_ends) or family.call_ends or family.ends
            stop = _first_end(text, arguments[-1][1], ends)
        else:
            stop = _first_end(text, words[-1][1], family.ends)
        if arguments and words and stop is not None and words[0][0] >= stop:
            closing = family.ends[0] if text.startswith(family.ends[0], words[0][1]) else ""
            text = self._marked(text, words[0][0], words[0][1] + len(closing), turn)
        if turn == self.last:
            text, stop = self._ended(text, stop)
            text, start, stop = self._with_thought(text, turn, start, stop, shown=bool(thought))
        assert stop is not None
        return self._marked(text, start, stop, turn)

    def _ended(self, text: str, stop: int | None) -> tuple[str, int]:
        """The text with an end after the last answer, and where that is."""
        if stop is not None and not (self.family.unended and text.endswith(self.family.unended)):
            return text, stop
        text = text.rstrip() + self.family.eos
        return text, len(text)

    def _marked(self, text: str, start: int, stop: int, turn: int) -> str:
        if not self.messages[turn].trained:
            return text
        return f"{text[:start]}{_BEGIN}{text[start:stop]}{_END}{text[stop:]}"

    def _places(self, text: str, turn: int, kind: str) -> list[tuple[int, int]]:
        words = [f"zq{slot}qz" for slot in self.slots.get((turn, kind), [])]
        return [(text.index(word), text.index(word) + len(word)) for word in words if word in text]

    def _start(self, text: str, first: int, spoken: int, *, shown: bool, calls: bool) -> int:
        """After the header, and after a thought that the prompt begins or leaves empty."""
        family = self.family
        before = text[:first]
        start = max(
            before.rfind(header) + len(header) for header in family.headers if header in before
        )
        if _SLOT.search(before, start):  # the template writes none here
            if calls:
                raise _RefusedError("the calls have no header")
            return first - (len("<think>\n") if shown else 0)
        if family.repeats_header and text[:start].endswith("<tool_response|><|turn>model\n"):
            start -= len("<|turn>model\n")
        if shown:
            opening = self._opening(before[:start])
            return start + (len(opening) if text.startswith(opening, start) else 0)
        if empty := _EMPTY_THOUGHT.match(text, start, spoken):
            gap = family.gap if text.startswith(family.gap, empty.end()) else ""
            return empty.end() + len(gap)
        return start

    def _opening(self, prompt: str) -> str:
        """How a prompt that ends like this begins a thought."""
        if prompt.endswith("<tool_response|>"):
            return "<|channel>thought\n"
        results = prompt.endswith("<\uff5ctool\u2581outputs\u2581end\uff5c>")
        return "<think>\n" if self.family.opens_thought and not results else ""

    def _with_thought(
        self, text: str, turn: int, start: int, stop: int, *, shown: bool
    ) -> tuple[str, int, int]:
        """Put the thought of the last answer where the prompt begins one and the template none."""
        slots = self.slots.get((turn, "thought"))
        begun = text[:start].endswith("<\uff5cAssistant\uff5c>")
        opening, closing = "<think>\n", "\n</think>\n\n"
        if self.family.thoughts == "text" and slots and not shown:
            return text, start, stop  # dropped with the words
        if slots and not shown:
            assert self.family.thoughts == "put", "the thought is dropped"
            put = f"{opening}zq{slots[0]}qz{closing}"
            learned = start + (len(opening) if begun else 0)
        elif begun and not shown:
            put = opening + closing
            learned = start + len(put)
        else:
            return text, start, stop
        return text[:start] + put + text[start:], learned, stop + len(put)

    def _tokens(self, text: str) -> Expected:
        parts = re.split(f"([{_BEGIN}{_END}])", text)
        plain, spans, start = "", [], 0
        for part in parts:
            if part == _BEGIN:
                start = len(plain)
            elif part == _END:
                spans.append((start, len(plain)))
            else:
                plain += part
        encoded = self.tokenizer(plain, add_special_tokens=False, return_offsets_mapping=True)
        learned = [
            any(begin < stop and start < end for start, stop in spans)
            for begin, end in encoded["offset_mapping"]
        ]
        return Expected(encoded["input_ids"], learned)


def _merged(messages: Sequence[Message]) -> Sequence[Message]:
    """A conversation with its system prompt in the first question."""
    if messages[0].role != "system":
        return messages
    prompt, first, *rest = messages
    return [replace(first, content=f"{prompt.content}\n\n{first.content}"), *rest]


def _fill(skeleton: str, values: Sequence[str]) -> str:
    return _SLOT.sub(lambda slot: values[int(slot[1])], skeleton)


def _first_end(text: str, position: int, ends: Sequence[str]) -> int | None:
    """Where the first of some ends after a position ends."""
    found = [(text.find(end, position), end) for end in ends if end in text[position:]]
    first = min(found, key=lambda place: (place[0], -len(place[1])), default=None)
    return first[0] + len(first[1]) if first else None
