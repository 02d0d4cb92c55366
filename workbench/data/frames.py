"""Frames: conversations of one shape, located once and filled with the words of many rows.

Locating answers takes several renderings. Most conversations have one of a few shapes, such as a
question and an answer, and what a template writes around their words is always the same. So a shape
that comes again is located with a unique word for each message, and its rows are rendered once: if
that is the frame filled with the row's words, its answers are where the frame's are.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

from workbench.data.answers import Answer, AnswerFinder
from workbench.data.formats import Message
from workbench.data.rows import UnfitRowError
from workbench.data.templates import Span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.data.formats import Role
    from workbench.data.templates import ChatTemplate

    Shape = tuple[tuple[Role, bool], ...]

_SLOT = re.compile(r"qvxzslot(\d+)z")
_TELLING = "think"
"""Templates look for words with this in them, and write other prompts then."""


class FramedFinder:
    """Finds answers as :class:`AnswerFinder` does, with one rendering where a shape has a frame."""

    def __init__(self, template: ChatTemplate) -> None:
        """Find the answers that ``template`` renders."""
        self._template = template
        self._finder = AnswerFinder(template)
        self._frames: dict[Shape, _Frame | None] = {}

    def find(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, object]] = ()
    ) -> tuple[str, list[Answer]]:
        """Render a conversation and locate its answers.

        Raises:
            UnfitRowError: As :meth:`AnswerFinder.find`.
        """
        framed = None if tools else self._framed(self._template.with_system_prompt(messages))
        return framed or self._finder.find(messages, tools)

    def _framed(self, messages: Sequence[Message]) -> tuple[str, list[Answer]] | None:
        if not all(map(_is_plain, messages)):
            return None
        shape = tuple((message.role, message.trained) for message in messages)
        if shape not in self._frames:  # worth a frame only if it comes again
            self._frames[shape] = None
            return None
        frame = self._frames[shape] or _Frame(self._finder, shape)
        self._frames[shape] = frame
        return frame.answers(messages)


def _is_plain(message: Message) -> bool:
    """Whether all that a message has are its words, and they tell the template nothing."""
    plain = not (message.reasoning or message.tool_calls or message.name or message.tool_call_id)
    return plain and bool(message.content.strip()) and _TELLING not in message.content


class _Frame:
    """Conversations of one shape; of no use if the template refuses them."""

    def __init__(self, finder: AnswerFinder, shape: Shape) -> None:
        """Locate the answers of a conversation that consists of slots."""
        self._template = finder.template
        self._rendered: list[str] = []
        slots = [Message(role, f"qvxzslot{i}z", trained) for i, (role, trained) in enumerate(shape)]
        try:
            text, found = finder.find(slots)
            self._rendered = _SLOT.split(self._template.write(slots))
        except UnfitRowError:
            return
        self._written = _SLOT.split(text)
        self._found = [
            (answer, [_places(text, place) for span in answer.spans for place in span])
            for answer in found
        ]

    def answers(self, messages: Sequence[Message]) -> tuple[str, list[Answer]] | None:
        """A conversation as text with its answers, unless it is not the frame filled."""
        messages = [_stripped(message) for message in messages]
        contents = [message.content for message in messages]
        if not self._rendered:
            return None
        try:
            text = self._template.write(messages)
        except UnfitRowError:
            return None
        if text != _filled(self._rendered, contents):
            return None
        lengths = [len(contents[int(slot)]) for slot in self._written[1::2]]
        before = list(accumulate(lengths, initial=0))
        return _filled(self._written, contents), [
            answer._replace(spans=_spans([place + before[slots] for place, slots in places]))
            for answer, places in self._found
        ]


def _stripped(message: Message) -> Message:
    """An answer without white space around it, as :mod:`workbench.data.marking` has it."""
    words = message.content.strip() if message.role == "assistant" else message.content
    return message if words == message.content else replace(message, content=words)


def _filled(parts: Sequence[str], contents: Sequence[str]) -> str:
    """Literals and slots in turn, as ``re.split`` gives them, with contents in the slots."""
    return "".join(contents[int(part)] if index % 2 else part for index, part in enumerate(parts))


def _places(text: str, place: int) -> tuple[int, int]:
    """A place in a text with slots: its characters outside of slots, and the slots before it."""
    slots = [slot for slot in _SLOT.finditer(text) if slot.end() <= place]
    return place - sum(len(slot[0]) for slot in slots), len(slots)


def _spans(places: Sequence[int]) -> list[Span]:
    return [Span(*pair) for pair in zip(places[::2], places[1::2], strict=True)]
