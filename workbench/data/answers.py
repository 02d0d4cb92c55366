"""Which characters of a rendered conversation the model would generate itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from workbench.data import thinking
from workbench.data.formats import Message
from workbench.data.marking import MarkedChat, Part, thinks
from workbench.data.rows import UnfitRowError
from workbench.data.templates import Span

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from workbench.data.templates import ChatTemplate

_PROBE = "qvxzprobe"
_ELSEWHERE = "set data.chat_template to a template that shows it"


class Answer(NamedTuple):
    """An answer as it is rendered.

    Attributes:
        spans: The characters of it that the model would generate, its end included.
        trained: Whether it is learned.
    """

    spans: list[Span]
    trained: bool


class AnswerFinder:
    """Renders conversations with one template, and locates their answers.

    What is found of an answer is what the model would generate: from the end of the prompt that it
    is asked with to the token that ends its turn. Blank answers, and answers that the template
    drops from the history, are not found.
    """

    def __init__(self, template: ChatTemplate) -> None:
        """See how ``template`` ends an answer, in a conversation that ends there or goes on."""
        self.template = template
        asked = Message("user", "?")
        last = (asked, Message("assistant", _PROBE))
        try:
            tails = [template.write(chat).partition(_PROBE)[2] for chat in (last, (*last, asked))]
        except UnfitRowError:
            tails = ["", ""]
        self._end = _up_to_last(template.special, _shared(*tails))
        self._open = not template.special.search(tails[0])
        self._beginnings = _beginnings(template) if self._end else frozenset()

    def find(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, object]] = ()
    ) -> tuple[str, list[Answer]]:
        """Render a conversation and locate its answers.

        1. The parts of each answer are located: its thought, its words, the tools that it calls.
        2. It begins where its prompt ends, and ends with the token that ends its turn.
        3. Where the template has ``{% generation %}`` marks, nothing outside them is learned.
        4. The last answer gets an end where the template writes none, and before it the thought
           that the template drops, or the empty one that the model is asked with.

        Raises:
            UnfitRowError: The template refuses the conversation, drops what should be learned, or
                changes it so that a place is not certain.
        """
        chat = MarkedChat(self.template, messages, tools)
        places = {part: spans for part, spans in chat.places.items() if part.kind != "thought"}
        answers = {}
        for turn, parts in groupby(places, lambda part: part.turn):
            shown = self._shown(chat, turn, {part: places[part] for part in parts})
            if shown:
                answers[turn] = self._spans(chat, turn, shown)
        _require_shown(chat, answers)
        text = chat.text
        if answers and max(answers) == len(chat.messages) - 1:
            turn = max(answers)
            text, answers[turn] = self._finish(chat, turn, answers[turn])
        return text, [Answer(spans, chat.messages[turn].trained) for turn, spans in answers.items()]

    def _shown(
        self, chat: MarkedChat, turn: int, places: Mapping[Part, Sequence[Span]]
    ) -> dict[Part, Span]:
        """The parts of an answer that the template shows.

        Raises:
            UnfitRowError: It shows one twice, or drops it from an answer that is learned.
        """
        for part, spans in places.items():
            if part.kind == "words" and len(spans) > 1:
                raise UnfitRowError("the model's chat template repeats the answer")
            if part.kind == "call" and not spans:
                raise UnfitRowError(
                    f"the model's chat template drops the call of {part.value!r}; {_ELSEWHERE} "
                    "(if the tokenizer ships several, often 'tool_use'), or write the call out as "
                    "the answer's text"
                )
        shown = {part: spans[0] for part, spans in places.items() if spans}
        if shown and len(shown) < len(places) and chat.messages[turn].trained:
            raise UnfitRowError(
                "the model's chat template drops what the answer says beside its call of a tool; "
                f"remove it, or {_ELSEWHERE}"
            )
        return shown

    def _spans(self, chat: MarkedChat, turn: int, places: Mapping[Part, Span]) -> list[Span]:
        """What the model would generate of an answer, in the rendered text."""
        first = min(place.start for place in places.values())
        start = self._start(chat, turn, first)
        calls = [part for part in places if part.kind == "call"]
        words = [place for part, place in places.items() if part.kind == "words"]
        if not calls:
            spans = [self._to_end(chat.text, Span(start, words[0].end))]
        else:
            end = self._end_of_calls(chat, calls[-1], places[calls[-1]])
            late = [self._to_end(chat.text, place) for place in words if place.start >= end]
            spans = [Span(start, end), *late]  # Gemma 4 writes words after what the tool returned
        return self._within_marks(chat, spans, places.values()) if self.template.marked else spans

    def _start(self, chat: MarkedChat, turn: int, first: int) -> int:
        """Where the prompt for an answer ends, whose first part is at ``first``."""
        for prompt in _prompts(chat, turn):
            if prompt and len(prompt) <= first and chat.text.startswith(prompt):
                return thinking.end_of_empty(
                    chat.text, len(prompt), first, self.template.thought_gap
                )
        message = chat.messages[turn]
        if not message.tool_calls:
            return first
        spoken = replace(message, content=_PROBE, tool_calls=())
        before, shown, _ = self.template.write(
            [*chat.messages[:turn], spoken], chat.tools, think=chat.think
        ).partition(_PROBE)
        if shown and chat.text.startswith(before):
            return len(before)
        raise UnfitRowError(
            "the model's chat template renders the tool calls so that their beginning is not "
            "certain; set data.chat_template to another template"
        )

    def _to_end(self, text: str, span: Span) -> Span:
        """A span with the end of the turn that follows it, if one does."""
        for end in filter(None, (self._end, self.template.eos)):
            if text.startswith(end, span.end):
                return Span(span.start, span.end + len(end))
        token = self.template.special.match(text, span.end)
        if token is None or token.group().strip() in self._beginnings:
            return span
        return Span(span.start, token.end())

    def _end_of_calls(self, chat: MarkedChat, call: Part, place: Span) -> int:
        """Where a turn ends whose last call is ``call``.

        Compared with the rendering of the conversation that ends with this turn (for the last turn:
        that goes on after it), what follows is the same up to there.
        """
        tail = chat.after_mark(chat.marked_text, call)
        common = _shared(tail, chat.after_mark(_otherwise(chat, call), call))
        end = _up_to_last(self.template.special, common)
        if self._open or not end:
            token = self.template.special.match(tail, len(common))
            end = tail[: token.end()] if token else common.rstrip()
        filled, _ = chat.filled(end)
        if not chat.text.startswith(filled, place.end):
            raise UnfitRowError(
                "the model's chat template renders the tool calls so that their end is not "
                "certain; set data.chat_template to another template"
            )
        return place.end + len(filled)

    def _within_marks(
        self, chat: MarkedChat, spans: Sequence[Span], parts: Collection[Span]
    ) -> list[Span]:
        """What a template with ``{% generation %}`` marks lets us learn of an answer.

        Raises:
            UnfitRowError: A part of the answer is outside the marks.
        """
        marks = [self._marked(chat.text, mark) for mark in chat.generated]
        for part in parts:
            if not any(mark.start <= part.start and part.end <= mark.end for mark in marks):
                raise UnfitRowError(
                    "the {% generation %} marks of the model's chat template are not where the "
                    "answer is; correct them, or set data.chat_template to another template"
                )
        overlaps = (
            Span(max(span.start, mark.start), min(span.end, mark.end))
            for span in spans
            for mark in marks
        )
        return [span for span in overlaps if span.start < span.end]

    def _marked(self, text: str, mark: Span) -> Span:
        """A marked span with the end of the turn, which some templates do not mark."""
        words = Span(mark.start, mark.start + len(text[mark.start : mark.end].rstrip()))
        whole = self._to_end(text, words)
        ended = any(
            token.end() == words.end for token in self.template.special.finditer(text, *words)
        )
        return Span(mark.start, max(mark.end, words.end if ended else whole.end))

    def _finish(self, chat: MarkedChat, turn: int, spans: list[Span]) -> tuple[str, list[Span]]:
        """End the last answer where the template does not, and put its thought before it."""
        text, (*earlier, last) = chat.text, spans
        ended = any(
            token.end() == last.end for token in self.template.special.finditer(text, *last)
        )
        if not ended and not text.endswith(self.template.eos, *last):
            text = text[: last.end] + self.template.eos
            last = Span(last.start, len(text))
        spans = [*earlier, last]
        start = spans[0].start
        thought, learned = _missing_thought(chat, turn, start)
        moved = [Span(span.start + len(thought), span.end + len(thought)) for span in spans]
        moved[0] = Span(moved[0].start - learned, moved[0].end)
        return text[:start] + thought + text[start:], moved


def _prompts(chat: MarkedChat, turn: int) -> Iterator[str]:
    """What the model may have been asked with before a turn, the likeliest first.

    That is a prompt that lets it think if the answer has a thought, and else one that does not. In
    the history templates also drop thoughts, or write empty ones.
    """
    think = thinks(chat.messages[turn])
    for switched_on in dict.fromkeys((think, chat.think, not think)):
        prompt = chat.prompt(turn, think=switched_on)
        yield prompt if think else thinking.closed(prompt)
        yield prompt
        yield thinking.without(prompt)
        if not thinking.has_switch(chat.template.source):
            return


def _missing_thought(chat: MarkedChat, turn: int, start: int) -> tuple[str, int]:
    """A thought to put before the last answer, and how many characters of it are learned.

    Raises:
        UnfitRowError: The template has no place for the thought that the row has.
    """
    message = chat.messages[turn]
    prompt = chat.prompt(turn, think=bool(message.reasoning))
    opened = thinking.opens(prompt)
    base = thinking.without(prompt)
    if message.reasoning:
        part = next(part for part in chat.parts if (part.turn, part.kind) == (turn, "thought"))
        if chat.places[part]:
            return "", 0
        if not chat.template.knows_thoughts:
            raise _no_place_for_thought()
        begun = prompt[len(base) :] if opened else f"{thinking.BEGIN}\n"
        rest = thinking.joined(message.reasoning, "").removeprefix(f"{thinking.BEGIN}\n")
        return begun + rest, len(rest) if opened else len(begun + rest)
    if opened and chat.text.startswith(base) and start == len(base):
        return thinking.closed(prompt)[len(base) :], 0
    return "", 0


def _otherwise(chat: MarkedChat, call: Part) -> str:
    """A marked rendering that is the same up to the end of the turn of ``call``, and then not.

    Words that come after what a tool returned are left out, for they would come earlier.
    """
    *before, message = chat.messages[: call.turn + 1]
    if chat.is_marked_after(call, "words"):
        message = replace(message, content="")
    if call.turn < len(chat.messages) - 1:
        return chat.marked_with([*before, message])
    made = message.tool_calls[call.call]
    result = Message("tool", "?", name=call.value, tool_call_id=str(made.get("id", "")))
    for following in (result, Message("user", "?")):
        try:
            return chat.marked_with([*before, message, following])
        except UnfitRowError:
            continue
    return chat.marked_text


def _require_shown(chat: MarkedChat, answers: Collection[int]) -> None:
    """Refuse a conversation whose last answer, or any thought, the template has no place for."""
    last = max((part.turn for part in chat.parts if part.kind != "thought"), default=None)
    if last is not None and last not in answers:
        raise UnfitRowError(f"the model's chat template drops the answer; {_ELSEWHERE}")
    thoughts = [part for part in chat.parts if part.kind == "thought"]
    read = chat.template.knows_thoughts or chat.template.separates_thoughts
    if thoughts and not read and not any(map(chat.places.get, thoughts)):
        raise _no_place_for_thought()


def _no_place_for_thought() -> UnfitRowError:
    return UnfitRowError(
        "the model's chat template has no place for the thought of an answer; write it into the "
        f"answer as {thinking.BEGIN}…{thinking.END}, or {_ELSEWHERE}"
    )


def _beginnings(template: ChatTemplate) -> frozenset[str]:
    """The special tokens before the first words of a question."""
    try:
        before = template.write((Message("user", _PROBE),)).partition(_PROBE)[0]
    except UnfitRowError:
        return frozenset()
    return frozenset(token.group().strip() for token in template.special.finditer(before))


def _up_to_last(special: re.Pattern[str], text: str) -> str:
    """A text up to the end of the last special token in it."""
    ends = [token.end() for token in special.finditer(text)]
    return text[: ends[-1]] if ends else ""


def _shared(one: str, other: str) -> str:
    """What two texts begin with, both."""
    pairs = enumerate(zip(one, other, strict=False))
    return one[: next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))]
