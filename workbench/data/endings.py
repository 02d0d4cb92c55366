"""Where an answer ends in a rendered conversation: with the token that ends its turn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from workbench.data.formats import Message
from workbench.data.rows import UnfitRowError
from workbench.data.templates import PROBE

if TYPE_CHECKING:
    from workbench.data.marking import MarkedChat, Part
    from workbench.data.special_tokens import SpecialTokens
    from workbench.data.templates import ChatTemplate


class Ending(NamedTuple):
    """Where an answer ends.

    Attributes:
        place: The end, excluded.
        closed: The template writes something there that ends it.
    """

    place: int
    closed: bool


class Endings:
    """Finds the ends of answers that one template writes."""

    def __init__(self, template: ChatTemplate) -> None:
        """Find how ``template`` ends an answer, last in the conversation or followed by more."""
        self._template = template
        asked = Message("user", "?")
        last = (asked, Message("assistant", PROBE))
        try:
            tails = [template.write(chat).partition(PROBE)[2] for chat in (last, (*last, asked))]
        except UnfitRowError:
            tails = ["", ""]
        self._end = _up_to_last(template.special, _shared(*tails))
        self._open = not any(template.special.within(tails[0]))
        self._beginnings = _beginnings(template) if self._end else frozenset()

    def after_words(self, text: str, place: int, *, continued: bool = False) -> Ending:
        """Where the turn ends whose words end at ``place``.

        That is after what the template always writes there, after the recipe's end of a turn, or
        after the next special token: the next turn's role may be all that ends one. Gemma 4 writes
        no end between some turns; the token that begins the next one is not taken for it, nor is
        any where a turn is ``continued`` after what a tool returned.
        """
        for end in filter(None, (self._end, self._template.end)):
            if text.startswith(end, place):
                return Ending(place + len(end), closed=True)
        token = "" if continued else self._template.special.after_blanks(text, place)
        if token.strip() in self._beginnings:
            token = ""
        return Ending(place + len(token), closed=bool(token))

    def after_call(self, chat: MarkedChat, call: Part, place: int) -> Ending:
        """Where the turn ends whose last call is ``call``, whose name ends at ``place``.

        Compared with the rendering of the conversation that ends with this turn (for the last turn:
        that goes on after it), what follows is the same up to there.

        Raises:
            UnfitRowError: The end is not certain.
        """
        tail = chat.after_mark(chat.marked_text, call)
        common = _shared(tail, chat.after_mark(_otherwise(chat, call), call))
        end = _up_to_last(self._template.special, common)
        closed = bool(end)
        if self._open or not end:
            token = self._template.special.after_blanks(tail, len(common))
            end, closed = (common + token, True) if token else (common.rstrip(), False)
        filled, _ = chat.filled(end)
        if not chat.text.startswith(filled, place):
            raise UnfitRowError(
                "the model's chat template renders the tool calls so that their end is not "
                "certain; set data.chat_template to another template"
            )
        return Ending(place + len(filled), closed)


def _otherwise(chat: MarkedChat, call: Part) -> str:
    """A marked rendering that is the same up to the end of the turn of ``call``, and then not.

    Words that come after what a tool returned are left out, for they would come earlier.
    """
    *before, message = chat.messages[: call.turn + 1]
    words = chat.words(call.turn)
    if words and chat.is_apart(call, words):
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


def _beginnings(template: ChatTemplate) -> frozenset[str]:
    """The special tokens before the first words of a question."""
    try:
        before = template.write((Message("user", PROBE),)).partition(PROBE)[0]
    except UnfitRowError:
        return frozenset()
    return frozenset(token for _, token in template.special.within(before))


def _up_to_last(special: SpecialTokens, text: str) -> str:
    """A text up to the end of the last special token in it."""
    ends = [end for end, _ in special.within(text)]
    return text[: ends[-1]] if ends else ""


def _shared(one: str, other: str) -> str:
    """What two texts begin with, both."""
    pairs = enumerate(zip(one, other, strict=False))
    return one[: next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))]
