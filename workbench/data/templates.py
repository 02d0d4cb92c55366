"""Conversations as text, written by a model's chat template."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.data import thinking
from workbench.data.formats import Message
from workbench.data.rows import UnfitRowError
from workbench.data.special_tokens import SpecialTokens
from workbench.data.template_settings import (
    TemplateSettings,
    choose_template,
    pin_date,
    plain_template,
    require_valid,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from transformers import PreTrainedTokenizerBase

_GENERATION_MARK = re.compile(r"\{%-?\s*generation\s*-?%\}")
_THOUGHT_FIELDS = ("reasoning_content", "thinking", "reasoning")
PROBE = "qvxzprobe"
"""A word that no chat template contains."""


class Span(NamedTuple):
    """A range of characters in a text, its end excluded."""

    start: int
    end: int


class _Layout(NamedTuple):
    """How a template wants messages, apart from their words.

    Attributes:
        parts: Contents are lists of parts.
        no_content: The content of a message that only calls tools.
        json_arguments: Arguments of tool calls are JSON text.
    """

    parts: bool = False
    no_content: str | None = ""
    json_arguments: bool = False


class ChatTemplate:
    """Renders conversations as the model expects them.

    Attributes:
        source: The template in force.
        plain: The model has no chat template, so that a plain one is used.
        bos: The beginning-of-sequence token if the tokenizer adds one to plain texts, for texts
            that no template of the model renders; otherwise empty.
        eos: The end-of-sequence token, or empty.
        end_of_turn: What the recipe wants answers to end with; empty if that is the EOS.
        end: What answers end with where the template writes nothing.
        special: The tokenizer's special tokens.
        marked: The template marks the answers itself, with ``{% generation %}``.
        knows_thoughts: The template says something about thoughts between ``<think>`` tags.
        separates_thoughts: It reads a thought from a field of its own.
        keeps_thoughts: It shows the thought that a text begins with.
        thought_gap: White space between an empty thought and the answer.
        shows_tools: The template has a place for descriptions of tools.
        thinking: How a model that thinks before it answers is kept from it; see
            :mod:`workbench.data.thinking`.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, settings: TemplateSettings | None = None
    ) -> None:
        """Use the special tokens of ``tokenizer``, and its template unless another is set.

        Raises:
            BadInputError: No template can be chosen, or it is not valid Jinja.
        """
        settings = settings or TemplateSettings()
        source = choose_template(tokenizer, settings)
        self.plain = source is None
        self.source = source or plain_template(settings.end_of_turn)
        self.bos = _automatic_bos(tokenizer)
        self.eos: str = tokenizer.eos_token or ""
        self.end_of_turn = settings.end_of_turn
        self.end = self.end_of_turn or self.eos
        self.special = SpecialTokens(tokenizer)
        self.marked = bool(_GENERATION_MARK.search(self.source))
        self._system_prompt = settings.system_prompt
        self._pinned = pin_date(self.source, settings.today)
        self._tokens: dict[str, Any] = dict(tokenizer.special_tokens_map)
        require_valid(self._pinned)
        self._layout = self._find_layout()
        self.separates_thoughts = self._shows(Message("assistant", "?", reasoning=PROBE))
        self.keeps_thoughts = self._shows(Message("assistant", thinking.joined(PROBE, "?")))
        self.knows_thoughts = thinking.END in self.source
        self.shows_tools = bool(re.search(r"\b(?:custom_)?tools\b", self.source))
        prompt = self._shortest_prompt()
        self.thought_gap = thinking.gap(prompt)
        self.thinking: thinking.Thinking = thinking.thinking(self.source, prompt)

    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, object]] = (),
        *,
        add_generation_prompt: bool = False,
    ) -> str:
        """Render a conversation, with the beginning of the next answer if asked for.

        The recipe's system prompt comes first where there is none. One that the template refuses
        is put in front of the first question. A thought that the template opens for the next
        answer is closed.

        Raises:
            UnfitRowError: The template refuses the conversation.
        """
        messages = [self.prepare(message) for message in self.with_system_prompt(messages)]
        try:
            text = self.write(messages, tools, add_generation_prompt=add_generation_prompt)
        except UnfitRowError:
            merged = merged_system_prompt(messages)
            if merged is None:
                raise
            text = self.write(merged, tools, add_generation_prompt=add_generation_prompt)
        return thinking.closed(text) if add_generation_prompt else text

    def with_system_prompt(self, messages: Sequence[Message]) -> Sequence[Message]:
        """A conversation with the recipe's system prompt before it, if it has none."""
        if not self._system_prompt or (messages and messages[0].role == "system"):
            return messages
        return (Message("system", self._system_prompt), *messages)

    def prepare(self, message: Message) -> Message:
        """A message with its thought where the template reads it.

        Answers are stripped, because a space at their beginning would merge into the prompt's last
        token.
        """
        if message.role != "assistant":
            return message
        content, thought = message.content.strip(), message.reasoning.strip()
        if self.separates_thoughts or not self.keeps_thoughts:
            if not thought:
                thought, content = thinking.split(content)
        elif thought and self.knows_thoughts:
            thought, content = "", thinking.joined(thought, content)
        return replace(message, content=content, reasoning=thought)

    def write(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, object]] = (),
        *,
        think: bool = False,
        add_generation_prompt: bool = False,
    ) -> str:
        """Render messages exactly as given, thinking switched on or off.

        Raises:
            UnfitRowError: The template refuses them, or fails.
        """
        return self._apply(messages, tools, think, add_generation_prompt, marks=False)[0]

    def write_marked(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, object]], *, think: bool
    ) -> tuple[str, list[Span]]:
        """Render messages, and say what the template marks as answers (nothing if it has no marks).

        Raises:
            UnfitRowError: The template refuses them, or fails.
        """
        return self._apply(messages, tools, think, add_generation_prompt=False, marks=self.marked)

    def _apply(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, object]],
        think: bool,
        add_generation_prompt: bool,
        *,
        marks: bool,
    ) -> tuple[str, list[Span]]:
        """Render with transformers; a template is the model's own code, and may fail in any way."""
        from transformers.utils.chat_template_utils import render_jinja_template

        try:
            rendered: Any = render_jinja_template(
                conversations=[[self._as_dict(message) for message in messages]],
                tools=[dict(tool) for tool in tools] or None,
                chat_template=self._pinned,
                return_assistant_tokens_mask=marks,
                add_generation_prompt=add_generation_prompt,
                **self._tokens,
                **thinking.template_options(self.source, think=think),
            )
        except Exception as error:
            raise UnfitRowError(
                f"the model's chat template refuses it: {_in_one_line(error)}"
            ) from error
        (text,), marked = rendered
        spans = [Span(*span) for span in marked[0]] if marks else []
        return f"{self.bos}{text}" if self.plain else str(text), spans

    def _as_dict(self, message: Message) -> dict[str, Any]:
        """A message as templates want it, with a thought under every name that they read."""
        content: Any = message.content
        if message.tool_calls and not content:
            content = self._layout.no_content
        elif self._layout.parts:
            content = [{"type": "text", "text": content}]
        turn: dict[str, Any] = {"role": message.role, "content": content}
        if message.reasoning:
            turn |= dict.fromkeys(_THOUGHT_FIELDS, message.reasoning)
        if message.tool_calls:
            turn["tool_calls"] = [self._call(call) for call in message.tool_calls]
        if message.name:
            turn["name"] = message.name
        if message.tool_call_id:
            turn["tool_call_id"] = message.tool_call_id
        return turn

    def _call(self, call: Mapping[str, object]) -> dict[str, Any]:
        if not self._layout.json_arguments:
            return dict(call)
        function: Any = call["function"]
        arguments = json.dumps(function["arguments"], ensure_ascii=False)
        return {**call, "function": {**function, "arguments": arguments}}

    def _find_layout(self) -> _Layout:
        """The first layout in which the template shows what is said and what is called."""
        self._layout = _Layout()
        parts = not self._shows(Message("assistant", PROBE))
        self._layout = _Layout(parts=parts)
        if parts and not self._shows(Message("assistant", PROBE)):
            return _Layout()
        for no_content in ("", None):
            for json_arguments in (False, True):
                self._layout = _Layout(parts, no_content, json_arguments)
                if self._shows(Message("assistant", "", tool_calls=(probe_call(),))):
                    return self._layout
        return _Layout(parts=parts)

    def _shows(self, answer: Message) -> bool:
        """Whether the template shows the probe in an answer."""
        try:
            return PROBE in self.write((Message("user", "?"), answer), think=True)
        except UnfitRowError:
            return False

    def _shortest_prompt(self) -> str:
        """A prompt as the template renders it; empty where it refuses plain messages."""
        try:
            return self.write([Message("user", "?")], add_generation_prompt=True)
        except UnfitRowError:
            return ""


def probe_call() -> dict[str, object]:
    """A call of a tool whose name is the probe."""
    return {"type": "function", "id": "call00000", "function": {"name": PROBE, "arguments": {}}}


def merged_system_prompt(messages: Sequence[Message]) -> list[Message] | None:
    """A conversation with its system prompt in front of the first question; None if impossible."""
    match messages:
        case [Message("system", prompt), Message("user", question) as first, *rest]:
            return [replace(first, content=f"{prompt}\n\n{question}"), *rest]
    return None


def _in_one_line(error: Exception) -> str:
    """What a template says, or Python about it."""
    from jinja2 import TemplateError

    text = " ".join(str(error).split()) or "no reason given"
    return text if type(error) is TemplateError else f"{type(error).__name__}: {text}"


def _automatic_bos(tokenizer: PreTrainedTokenizerBase) -> str:
    """The BOS token if the tokenizer puts it in front of texts by itself."""
    adds_bos = tokenizer("").input_ids[:1] == [tokenizer.bos_token_id]
    return str(tokenizer.bos_token) if adds_bos else ""
