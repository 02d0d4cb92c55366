"""The known layouts of a row: the names of its fields, and the example they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workbench.data.formats.examples import Example, Message, Piece, Role, Tokens
from workbench.data.formats.fields import Fields, as_list
from workbench.data.formats.tools import read_tools
from workbench.data.rows import UnfitRowError, absent, json_type, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from workbench.data.formats.turns import TurnReader

NO_ANSWER = "no assistant message"
_UNLEARNED = -100
_SYSTEM = ("system", "system_prompt")
_TOOLS = ("tools", "functions")
_HISTORY = ("history",)
_CONTEXT = ("context", "contexts", "passage", "documents")
_INPUT = ("input",)
_MASK = ("attention_mask",)
_LABELS = ("labels",)
_ANSWERS = (
    *("completion", "response", "answer", "output", "answers", "solution"),
    *("target", "targets", "outputs", "assistant"),
)


@dataclass(frozen=True)
class Layout:
    """A way to write a row.

    Attributes:
        name: As in a recipe.
        required: For each part of a row the names that its field may have, the usual one first.
        build: Makes the example of a row.
        optional: Further parts, used where they are present.
        chat: Whether its examples are conversations.
    """

    name: str
    required: tuple[tuple[str, ...], ...]
    build: Callable[[Layout, Fields, TurnReader], Example]
    optional: tuple[tuple[str, ...], ...] = ()
    chat: bool = True

    def fits(self, names: AbstractSet[str]) -> bool:
        """Whether a row with these fields has every required part."""
        return all(not names.isdisjoint(part) for part in self.required)

    def knows(self, names: Iterable[str]) -> bool:
        """Whether each of these names stands for a part."""
        known = {name for part in (*self.required, *self.optional) for name in part}
        return known.issuperset(names)

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(part[0] for part in self.required)})"


def _conversation(layout: Layout, fields: Fields, turns: TurnReader) -> Example:
    listed = as_list(fields.take(layout.required[0]), layout.required[0][0])
    return _chat(fields, turns.read(listed))


def _pair(layout: Layout, fields: Fields, turns: TurnReader) -> Example:
    """A question and its answer, each a text or a list of messages."""
    question, answer = (fields.take(part) for part in layout.required)
    history = _history(fields.take(_HISTORY), turns)
    asked = _asked(layout, fields, turns, question)
    answered = _messages("assistant", answer, layout.required[1], turns)
    return _chat(fields, (*history, *asked, *answered))


def _asked(
    layout: Layout, fields: Fields, turns: TurnReader, question: object
) -> tuple[Message, ...]:
    """The messages before the answer; answers among them are only read."""
    name = layout.required[0][0]
    if isinstance(question, (list, tuple)):
        return tuple(
            replace(message, trained=message.role != "assistant")
            for message in turns.read(_objects(question, name))
        )
    texts = [text_of(question, name)]
    texts += [_plain_text(fields.take(part), part[0]) for part in layout.optional if part == _INPUT]
    context = _plain_text(fields.take(_CONTEXT), "context")
    texts = [*texts, context] if layout.name == "alpaca" else [context, *texts]
    return (Message("user", "\n\n".join(text for text in texts if text.strip())),)


def _messages(
    role: Role, value: object, names: Sequence[str], turns: TurnReader
) -> tuple[Message, ...]:
    """A part that is a text, a list of messages, or what SQuAD calls answers."""
    if isinstance(value, Mapping) and "text" in value:
        value = _first_text(value["text"])
    elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
        return turns.read(_objects(value, names[0]))
    return (Message(role, text_of(value, names[0])),)


def _first_text(texts: object) -> object:
    if isinstance(texts, (list, tuple)):
        return texts[0] if texts else ""
    return texts


def _objects(values: Sequence[object], name: str) -> Sequence[object]:
    for value in values:
        if not isinstance(value, Mapping):
            raise UnfitRowError(f"{name!r} is a list of {json_type(value)}, not of messages")
    return values


def _plain_text(value: object, name: str) -> str:
    """A text, or a list of texts with blank lines between them."""
    if isinstance(value, (list, tuple)):
        return "\n\n".join(text_of(part, name) for part in value)
    return text_of(value, name)


def _history(value: object, turns: TurnReader) -> tuple[Message, ...]:
    """Earlier turns: pairs of question and answer, or messages; both are learned like others."""
    if absent(value) or value == "":
        return ()
    earlier = as_list(value, "history")
    if all(isinstance(turn, Mapping) for turn in earlier):
        return turns.read(earlier)
    return tuple(message for turn in earlier for message in _exchange(turn))


def _exchange(pair: object) -> tuple[Message, Message]:
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        raise UnfitRowError("'history' is not a list of pairs of question and answer")
    question, answer = (text_of(text, "history") for text in pair)
    return Message("user", question), Message("assistant", answer)


def _chat(fields: Fields, messages: tuple[Message, ...]) -> Example:
    """A conversation with the system prompt and the tools of its row."""
    answers = [message for message in messages if message.role == "assistant"]
    if not answers:
        raise UnfitRowError(NO_ANSWER)
    if not any(answer.trained for answer in answers):
        raise UnfitRowError("no answer is to be learned: all have weight 0")
    if messages[0].role != "system" and (prompt := text_of(fields.take(_SYSTEM), _SYSTEM[0])):
        messages = (Message("system", prompt), *messages)
    tools = read_tools(fields.take(_TOOLS))
    return Example(fields.row.number, fields.row.values, messages, tools=tools)


def _text(layout: Layout, fields: Fields, turns: TurnReader) -> Example:
    del turns
    text = text_of(fields.take(layout.required[0]), layout.required[0][0])
    return Example(fields.row.number, fields.row.values, text=text)


def _segments(layout: Layout, fields: Fields, turns: TurnReader) -> Example:
    """Texts in order, each with a label that says whether it is learned."""
    del turns
    listed = as_list(fields.take(layout.required[0]), layout.required[0][0])
    pieces = tuple(map(_piece, listed))
    if not any(piece.trained for piece in pieces):
        raise UnfitRowError("no segment is to be learned: none has label true")
    return Example(fields.row.number, fields.row.values, pieces=pieces)


def _piece(segment: object) -> Piece:
    if not isinstance(segment, Mapping):
        raise UnfitRowError(f"a segment is {json_type(segment)}, not an object")
    text, label = segment.get("text"), segment.get("label")
    if not isinstance(text, str):
        raise UnfitRowError(f"the 'text' of a segment is {json_type(text)}, not text")
    if label not in (0, 1):
        raise UnfitRowError(f"the 'label' of a segment is {label!r}, not true or false")
    return Piece(text, bool(label))


def _tokens(layout: Layout, fields: Fields, turns: TurnReader) -> Example:
    """Token ids; without labels all are learned, and padding is left out."""
    del turns
    ids = _integers(fields.take(layout.required[0]), "input_ids")
    labels = _integers(fields.take(_LABELS), "labels", len(ids)) or ids
    mask = _integers(fields.take(_MASK), "attention_mask", len(ids)) or (1,) * len(ids)
    kept = [place for place, seen in enumerate(mask) if seen]
    ids, labels = tuple(ids[place] for place in kept), tuple(labels[place] for place in kept)
    if any(token < 0 for token in ids):
        raise UnfitRowError("'input_ids' has an id below 0")
    wrong = (n for n, (token, label) in enumerate(zip(ids, labels, strict=True), 1)
             if label not in (token, _UNLEARNED))  # fmt: skip
    if place := next(wrong, 0):
        raise UnfitRowError(
            f"label {place} is neither the token in its place nor {_UNLEARNED}; labels are not "
            "shifted, the trainer does that"
        )
    if ids and all(label == _UNLEARNED for label in labels):
        raise UnfitRowError(f"no token is to be learned: all labels are {_UNLEARNED}")
    return Example(fields.row.number, fields.row.values, tokens=Tokens(ids, labels))


def _integers(value: object, name: str, length: int | None = None) -> tuple[int, ...]:
    """A list of whole numbers of the given length; empty where the row has none."""
    if absent(value):
        return ()
    numbers = as_list(value, name)
    if not all(isinstance(number, int) for number in numbers):
        raise UnfitRowError(f"{name!r} is not a list of whole numbers")
    if length is not None and len(numbers) != length:
        raise UnfitRowError(f"{name!r} is as long as {len(numbers)} tokens, not {length}")
    return tuple(number for number in numbers if isinstance(number, int))


_CHAT = (_SYSTEM, _TOOLS)
_PAIR = (*_CHAT, _HISTORY, _CONTEXT)
_QUESTIONS = ("prompt", "query", "input", "inputs", "user", "human")
LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout(
            "messages",
            (("messages", "dialogue", "dialog", "chat", "turns"),),
            _conversation,
            optional=_CHAT,
        ),
        Layout("sharegpt", (("conversations", "conversation"),), _conversation, optional=_CHAT),
        Layout("segments", (("segments",),), _segments, chat=False),
        Layout(
            "alpaca", (("instruction",), ("output", *_ANSWERS)), _pair, optional=(_INPUT, *_PAIR)
        ),
        Layout("prompt_completion", (_QUESTIONS, _ANSWERS), _pair, optional=_PAIR),
        Layout(
            "question_answer",
            (("question", "problem"), ("answer", *_ANSWERS)),
            _pair,
            optional=_PAIR,
        ),
        Layout("tokens", (("input_ids",),), _tokens, optional=(_LABELS, _MASK), chat=False),
        Layout("text", (("text", "content", "document"),), _text, chat=False),
    )
}


def is_pair(layout: Layout) -> bool:
    """Whether its rows are a question and an answer."""
    return layout.build is _pair
