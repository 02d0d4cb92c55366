"""A conversation as text, and where the template has put the parts of its answers.

The words of an answer may occur anywhere: in a thought, in a question, in the template's own text.
So they are never searched for: a conversation is rendered twice, the second time with a mark in the
place of each part; what both renderings share lies around the parts.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from workbench.data import thinking
from workbench.data.rows import UnfitRowError
from workbench.data.templates import Span, merged_system_prompt

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from workbench.data.formats import Message
    from workbench.data.templates import ChatTemplate

_NONCES = ("qvxz7k", "zkqj4w", "wjxq9v")
"""Beginnings of marks; the first that a row does not contain is used."""


class Part(NamedTuple):
    """A piece of an answer that the template copies.

    Attributes:
        turn: The index of its message.
        kind: A thought, the words of the answer, or the name of a tool that it calls.
        value: The piece.
        call: For a name, the index of the call.
    """

    turn: int
    kind: Literal["thought", "words", "call"]
    value: str
    call: int = 0


class MarkedChat:
    """A rendered conversation.

    Attributes:
        template: The template.
        messages: The conversation as the template gets it.
        tools: Descriptions of its tools.
        think: It is rendered with thinking switched on, as an answer has a thought.
        text: The rendering.
        generated: What the template itself marks as generated, if it does.
        parts: The parts of all answers, in order.
    """

    def __init__(
        self,
        template: ChatTemplate,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, object]],
    ) -> None:
        """Render ``messages`` with ``template``.

        Raises:
            UnfitRowError: The template refuses them.
        """
        self.template, self.tools = template, tools
        prepared = [template.prepare(turn) for turn in template.with_system_prompt(messages)]
        self.think = any(map(thinks, prepared))
        try:
            rendered = template.write_marked(prepared, tools, think=self.think)
        except UnfitRowError:
            merged = merged_system_prompt(prepared)
            if merged is None:
                raise
            prepared = merged
            rendered = template.write_marked(prepared, tools, think=self.think)
        self.messages: list[Message] = prepared
        self.text, self.generated = rendered
        self._prompts: dict[tuple[int, bool], str] = {}
        self.parts = [part for turn in range(len(prepared)) for part in self._parts_of(turn)]

    def _parts_of(self, turn: int) -> Iterator[Part]:
        message = self.messages[turn]
        if message.role != "assistant":
            return
        if message.reasoning:
            yield Part(turn, "thought", message.reasoning)
        if words := words_of(message):
            yield Part(turn, "words", words)
        for index, call in enumerate(message.tool_calls):
            yield Part(turn, "call", _name(call), index)

    def prompt(self, turn: int, *, think: bool) -> str:
        """What the model is asked with before a turn; empty where the template renders nothing.

        A thought that it opens is left open.
        """
        if (turn, think) not in self._prompts:
            self._prompts[turn, think] = self.prompt_for(self.messages[:turn], think)
        return self._prompts[turn, think]

    def prompt_for(self, messages: Sequence[Message], think: bool) -> str:
        """What the model is asked with after some messages, as for :meth:`prompt`."""
        if not messages:
            return ""
        try:
            return self.template.write(
                messages, self.tools, think=think, add_generation_prompt=True
            )
        except UnfitRowError:
            return ""

    @cached_property
    def places(self) -> dict[Part, list[Span]]:
        """Where each part is in the text; nowhere if the template drops it.

        Raises:
            UnfitRowError: The template changes a part together with the text around it.
        """
        text, places = self.filled(self.marked_text)
        return places if text == self.text else {part: self._place(part) for part in self.parts}

    def _place(self, part: Part) -> list[Span]:
        """Where one part is, found by marking it alone: its marked rendering must agree elsewhere.

        The name of a called tool may be repeated in the tool's answer; its first place counts.
        """
        before, mark, after = self._write_marked(self.messages, [part]).partition(self._mark(part))
        if not mark:
            return []
        start, stop = len(before), len(self.text) - len(after)
        if part.kind == "call":
            stop, after = start + len(part.value), ""
        fits = start <= stop and self.text.startswith(before) and self.text.endswith(after)
        if not fits or (mark in after and part.kind == "words"):
            raise UnfitRowError(
                f"the model's chat template changes the {part.kind} of message {part.turn + 1} so "
                "that the answer's place in it is not certain; simplify its text, or set "
                "data.chat_template to another template"
            )
        return [Span(start, stop)]

    @cached_property
    def marked_text(self) -> str:
        """The rendering with marks in the place of all parts."""
        return self._write_marked(self.messages, self.parts)

    def marked_with(self, messages: Sequence[Message]) -> str:
        """The rendering of other messages, with marks in the place of parts as they are here.

        Raises:
            UnfitRowError: The template refuses them.
        """
        return self._write_marked(messages, self.parts)

    def after_mark(self, marked_text: str, part: Part) -> str:
        """A marked rendering after the first mark of a part."""
        return marked_text.partition(self._mark(part))[2]

    def words(self, turn: int) -> Part | None:
        """What an answer says."""
        of_turn = (part for part in self.parts if (part.turn, part.kind) == (turn, "words"))
        return next(of_turn, None)

    def is_apart(self, call: Part, words: Part) -> bool:
        """Whether another message is rendered between a call and what the answer says after it."""
        here = self._between(self.marked_text, call, words)
        if not here or words.turn == len(self.messages) - 1:
            return False
        alone = self.marked_with(self.messages[: words.turn + 1])
        return here != self._between(alone, call, words)

    def _between(self, marked_text: str, call: Part, words: Part) -> str:
        """What is between two marks; empty if the second does not follow."""
        between, mark, _ = self.after_mark(marked_text, call).partition(self._mark(words))
        return between if mark else ""

    def filled(self, marked_text: str) -> tuple[str, dict[Part, list[Span]]]:
        """Put the parts back in the places of their marks, and say where they are then."""
        literals = re.split(rf"{self._nonce}(\d+)x", marked_text)
        places: dict[Part, list[Span]] = {part: [] for part in self.parts}
        pieces, length = [literals[0]], len(literals[0])
        for index, literal in zip(literals[1::2], literals[2::2], strict=True):
            part = self.parts[int(index)]
            places[part].append(Span(length, length + len(part.value)))
            pieces += [part.value, literal]
            length += len(part.value) + len(literal)
        return "".join(pieces), places

    def _write_marked(self, messages: Sequence[Message], parts: Collection[Part]) -> str:
        turns = list(messages)
        for part in parts:
            if part.turn < len(turns):
                turns[part.turn] = _with_part(turns[part.turn], part, self._mark(part))
        return self.template.write(turns, self.tools, think=self.think)

    def _mark(self, part: Part) -> str:
        return f"{self._nonce}{self.parts.index(part)}x"

    @cached_property
    def _nonce(self) -> str:
        unused = (nonce for nonce in _NONCES if nonce not in self.text)
        if nonce := next(unused, ""):
            return nonce
        raise UnfitRowError(f"it contains {', '.join(_NONCES)}, which are needed to find answers")


def words_of(message: Message) -> str:
    """What an answer says after its thought; all of it where there is only a thought."""
    return thinking.split(message.content).answer or message.content


def thinks(message: Message) -> bool:
    """Whether a message is an answer with a thought."""
    return message.role == "assistant" and bool(
        message.reasoning or thinking.split(message.content).thought
    )


def _with_part(message: Message, part: Part, mark: str) -> Message:
    if part.kind == "thought":
        return replace(message, reasoning=mark)
    if part.kind == "words":
        thought = message.content.removesuffix(part.value)
        return replace(message, content=f"{thought}{mark}") if message.content else message
    calls: list[Mapping[str, object]] = list(message.tool_calls)
    function: Any = calls[part.call]["function"]
    calls[part.call] = {**calls[part.call], "function": {**function, "name": mark}}
    return replace(message, tool_calls=tuple(calls))


def _name(call: Mapping[str, object]) -> str:
    function: Any = call["function"]
    return str(function["name"])
