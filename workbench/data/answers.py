"""Which characters of a rendered conversation the model would generate itself."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from workbench.data import thinking
from workbench.data.beginnings import beginning
from workbench.data.endings import Endings
from workbench.data.marking import MarkedChat
from workbench.data.rows import UnfitRowError
from workbench.data.templates import Span

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from workbench.data.formats import Message
    from workbench.data.marking import Part
    from workbench.data.templates import ChatTemplate

_ELSEWHERE = "set data.chat_template to a template that shows it"


class Answer(NamedTuple):
    """An answer as it is rendered.

    Attributes:
        spans: The characters of it that the model would generate, its end included.
        trained: Whether it is learned.
        closed: The template writes something that ends it.
    """

    spans: list[Span]
    trained: bool
    closed: bool


class AnswerFinder:
    """Renders conversations with one template, and locates their answers.

    What is found of an answer is what the model would generate: from the end of the prompt that it
    is asked with to the token that ends its turn. Blank answers, and answers that the template
    drops from the history, are not found.
    """

    def __init__(self, template: ChatTemplate) -> None:
        """Find the answers that ``template`` renders."""
        self.template = template
        self._endings = Endings(template)

    def find(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, object]] = ()
    ) -> tuple[str, list[Answer]]:
        """Render a conversation and locate its answers.

        1. The parts of each answer are located: its thought, its words, the tools that it calls.
        2. It begins where its prompt ends, and ends with the token that ends its turn.
        3. Where the template has ``{% generation %}`` marks, nothing outside them is learned.
        4. The last answer gets an end where the template writes none, and before it the thought
           that the template drops, or the empty one that the model is asked with.

        Returns:
            The text, and the answers in it.

        Raises:
            UnfitRowError: The template refuses the conversation, drops what should be learned, or
                changes it so that a place is not certain.
        """
        chat = MarkedChat(self.template, messages, tools)
        places = {part: spans for part, spans in chat.places.items() if part.kind != "thought"}
        answers = {}
        for turn, parts in groupby(places, lambda part: part.turn):
            if shown := _shown(chat, turn, {part: places[part] for part in parts}):
                answers[turn] = self._answer(chat, turn, shown)
        _require_shown(chat, answers)
        text, last = chat.text, len(chat.messages) - 1
        if last in answers:
            text, answers[last] = self._closed(text, answers[last])
            text, answers[last] = _with_thought(chat, last, text, answers[last])
        return text, list(answers.values())

    def _answer(self, chat: MarkedChat, turn: int, places: Mapping[Part, Span]) -> Answer:
        start = beginning(chat, turn, min(place.start for place in places.values()))
        calls = [part for part in places if part.kind == "call"]
        words = next((part for part in places if part.kind == "words"), None)
        late = bool(calls and words and chat.is_apart(calls[-1], words))
        spans = []
        if calls and (late or words is None or places[words] < places[calls[-1]]):
            ending = self._endings.after_call(chat, calls[-1], places[calls[-1]].end)
            spans.append(Span(start, ending.place))
        if words and (late or not spans):
            ending = self._endings.after_words(chat.text, places[words].end, continued=late)
            spans.append(Span(places[words].start if late else start, ending.place))
        if self.template.marked:
            spans = self._within_marks(chat, spans, places.values())
        return Answer(spans, chat.messages[turn].trained, ending.closed)

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
        words = text[mark.start : mark.end].rstrip()
        if self.template.special.end(words):
            return mark
        place = self._endings.after_words(text, mark.start + len(words)).place
        return Span(mark.start, max(mark.end, place))

    def _closed(self, text: str, answer: Answer) -> tuple[str, Answer]:
        """End the last answer where the template does not; nothing else follows it then."""
        if answer.closed or not answer.spans:
            return text, answer
        *earlier, last = answer.spans
        text = text[: last.end] + self.template.end
        return text, answer._replace(spans=[*earlier, Span(last.start, len(text))], closed=True)


def _shown(chat: MarkedChat, turn: int, places: Mapping[Part, Sequence[Span]]) -> dict[Part, Span]:
    """The parts of an answer that the template shows.

    Raises:
        UnfitRowError: It shows one twice, or drops it from an answer that is learned.
    """
    for part, spans in places.items():
        if part.kind == "words" and len(spans) > 1:
            raise UnfitRowError("the model's chat template repeats the answer")
        if part.kind == "call" and not spans:
            raise UnfitRowError(
                f"the model's chat template drops the call of {part.value!r}; {_ELSEWHERE} (if the "
                "tokenizer ships several, often 'tool_use'), or write the call out as the answer's "
                "text"
            )
    shown = {part: spans[0] for part, spans in places.items() if spans}
    if shown and len(shown) < len(places) and chat.messages[turn].trained:
        raise UnfitRowError(
            "the model's chat template drops what the answer says beside its call of a tool; "
            f"remove it, or {_ELSEWHERE}"
        )
    return shown


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


def _with_thought(chat: MarkedChat, turn: int, text: str, answer: Answer) -> tuple[str, Answer]:
    """Put the thought before the last answer that the template leaves out there.

    Raises:
        UnfitRowError: The template has no place for the thought that the row has.
    """
    if not answer.spans:
        return text, answer
    start = answer.spans[0].start
    read, learned = _missing_thought(chat, turn, start)
    added = len(read) + len(learned)
    first, *later = (Span(span.start + added, span.end + added) for span in answer.spans)
    spans = [Span(first.start - len(learned), first.end), *later]
    return f"{text[:start]}{read}{learned}{text[start:]}", answer._replace(spans=spans)


def _missing_thought(chat: MarkedChat, turn: int, start: int) -> tuple[str, str]:
    """A thought to put before the last answer: what of it is only read, and what is learned."""
    thought = chat.messages[turn].reasoning
    prompt = chat.prompt(turn, think=bool(thought))
    opened, base = thinking.opens(prompt), thinking.without(prompt)
    if not thought:
        missing = opened and chat.text.startswith(base) and start == len(base)
        return (thinking.closed(prompt)[len(base) :], "") if missing else ("", "")
    if any(spans for part, spans in chat.places.items() if part[:2] == (turn, "thought")):
        return "", ""
    if not chat.template.knows_thoughts:
        raise _no_place_for_thought()
    opening = prompt[len(base) :] if opened else f"{thinking.BEGIN}\n"
    rest = thinking.joined(thought, "").removeprefix(f"{thinking.BEGIN}\n")
    return (opening, rest) if opened else ("", opening + rest)
