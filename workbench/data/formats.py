"""Formats of datasets, recognised by the names of their fields, and the one form they become."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.core.errors import BadInputError
from workbench.data.fields import UnfitError, first_present, kind_of, text_of
from workbench.data.row_errors import Fault, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workbench.data.reading import Row
    from workbench.recipe.data import DataFormat

Role = Literal["system", "user", "assistant"]

_ROLES: dict[object, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
}
_SYSTEM = ("system", "system_prompt")
_CHOICES = ("choices", "options")
_NO_ANSWER = "no assistant message"


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True)
class Example:
    """One row ready to be rendered: a conversation, or text to learn as it stands.

    Attributes:
        number: Line or place in its source, from 1.
        fields: The row as it was read, for labels such as ``intent``.
        messages: The conversation; empty where ``text`` is given.
        text: A document of the text format.
    """

    number: int
    fields: Mapping[str, object]
    messages: tuple[Message, ...] = ()
    text: str | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to learn from, or nothing that is answered."""
        if self.text is not None:
            return not self.text.strip()
        return _blank(self.messages, "assistant") or _blank(self.messages, "user")


@dataclass(frozen=True)
class Examples:
    """A dataset in one form.

    Attributes:
        format: The format that was found or asked for.
        rows: The usable rows, in their order.
        empty: Numbers of the rows left out because an answer, a question or the text is blank.
        unused: Fields that are kept beside the rows but not shown to the model.
    """

    format: str
    rows: tuple[Example, ...]
    empty: tuple[int, ...]
    unused: tuple[str, ...]


def to_examples(
    rows: Sequence[Row], data_format: DataFormat, source: str, unit: str = "row"
) -> Examples:
    """Bring rows of any known format into one form.

    Args:
        rows: What was read, at least one row.
        data_format: A format's name, or ``auto`` to recognise it.
        source: The dataset's name, for errors.
        unit: What the rows' numbers count, for errors.

    Raises:
        BadInputError: The format is unknown, some rows do not fit it (their numbers are named), or
            there is no assistant text at all.
    """
    found = _recognise(rows, source) if data_format == "auto" else _asked(rows, data_format, source)
    examples, faults = _adapt(rows, found)
    if len(faults) == len(rows) and all(fault.what == _NO_ANSWER for fault in faults):
        raise _nothing_to_learn(source, len(rows))
    if faults:
        raise refusal(source, faults, unit)
    usable = tuple(example for example in examples if not example.empty)
    if not usable:
        raise _nothing_to_learn(source, len(rows))
    return Examples(
        format=found.name,
        rows=usable,
        empty=tuple(example.number for example in examples if example.empty),
        unused=tuple(name for name in _field_names(rows) if name not in found.uses),
    )


@dataclass(frozen=True)
class _Format:
    """A way to write a dataset.

    Attributes:
        name: As in a recipe.
        needs: For each part of a row the names its field may have; the first is the usual one.
        build: Makes the messages, or the text, of one row.
        may: Names of fields that are used where present.
    """

    name: str
    needs: tuple[tuple[str, ...], ...]
    build: Callable[[_Format, Mapping[str, object]], tuple[Message, ...] | str]
    may: tuple[str, ...] = _SYSTEM

    @property
    def uses(self) -> set[str]:
        return {*self.may, *(name for names in self.needs for name in names)}

    def fits(self, fields: Iterable[str]) -> bool:
        present = set(fields)
        return all(present.intersection(names) for names in self.needs)

    def __str__(self) -> str:
        return f"{self.name} ({', '.join('/'.join(names) for names in self.needs)})"


def _conversation(form: _Format, values: Mapping[str, object]) -> tuple[Message, ...]:
    turns = values[first_present(form.needs[0], values)]
    if not isinstance(turns, (list, tuple)):
        raise UnfitError(f"{form.needs[0][0]!r} is {kind_of(turns)}, not a list")
    messages = tuple(_turn(turn) for turn in turns)
    if not any(message.role == "assistant" for message in messages):
        raise UnfitError(_NO_ANSWER)
    return _system(values, messages)


def _pair(form: _Format, values: Mapping[str, object]) -> tuple[Message, ...]:
    ask, answer = (text_of(values, first_present(names, values)) for names in form.needs)
    extra = [text_of(values, name) for name in form.may if name in values and name not in _SYSTEM]
    question = "\n\n".join(part for part in (ask, *extra) if part.strip())
    return _system(values, (Message("user", question), Message("assistant", answer)))


def _document(form: _Format, values: Mapping[str, object]) -> str:
    return text_of(values, first_present(form.needs[0], values))


_PAIR_ANSWERS = ("completion", "response", "answer", "output")
_FORMATS = {
    form.name: form
    for form in (
        _Format("messages", (("messages",),), _conversation),
        _Format("sharegpt", (("conversations", "conversation"),), _conversation),
        _Format(
            "alpaca",
            (("instruction",), ("output", "response")),
            _pair,
            may=("input", "context", *_SYSTEM),
        ),
        _Format("prompt_completion", (("prompt", "query", "input"), _PAIR_ANSWERS), _pair),
        _Format("question_answer", (("question",), ("answer", "response")), _pair),
        _Format("text", (("text",),), _document, may=()),
    )
}


def _recognise(rows: Sequence[Row], source: str) -> _Format:
    """The format that most rows have; the others are then named as faults."""
    fitting = (
        next((form for form in _FORMATS.values() if form.fits(row.values)), None) for row in rows
    )
    counts = Counter(form.name for form in fitting if form)
    if not counts:
        known = "; ".join(str(form) for form in _FORMATS.values())
        raise BadInputError(
            f"{source}: format not recognised from the fields {_listed(rows)}; known are {known}"
        )
    found = _FORMATS[counts.most_common(1)[0][0]]
    if found.build is _pair and (choices := set(_field_names(rows)).intersection(_CHOICES)):
        raise BadInputError(
            f"{source}: looks like multiple choice (field {choices.pop()!r}), whose answers are "
            "often only numbers; write each right answer out as text, or set the format to "
            f"{found.name} to learn the answers as they stand"
        )
    return found


def _asked(rows: Sequence[Row], name: str, source: str) -> _Format:
    form = _FORMATS[name]
    if not any(form.fits(row.values) for row in rows):
        raise BadInputError(f"{source}: not {form}: its fields are {_listed(rows)}")
    return form


def _adapt(rows: Sequence[Row], form: _Format) -> tuple[list[Example], list[Fault]]:
    examples, faults = [], []
    for row in rows:
        try:
            built = form.build(form, row.values)
        except UnfitError as error:
            faults.append(Fault(row.number, str(error)))
            continue
        if isinstance(built, str):
            examples.append(Example(row.number, row.values, text=built))
        else:
            examples.append(Example(row.number, row.values, messages=built))
    return examples, faults


def _turn(turn: object) -> Message:
    if not isinstance(turn, Mapping):
        raise UnfitError(f"a message is {kind_of(turn)}, not an object")
    role = turn[first_present(("role", "from"), turn)]
    if not isinstance(role, str) or role not in _ROLES:
        raise UnfitError(f"unknown role {role!r}; known are {', '.join(map(str, _ROLES))}")
    return Message(_ROLES[role], text_of(turn, first_present(("content", "value"), turn)))


def _system(values: Mapping[str, object], messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Put the row's own system prompt, if it has one, before the conversation."""
    prompts = [text_of(values, name) for name in _SYSTEM if name in values]
    if not any(prompts) or messages[0].role == "system":
        return messages
    return (Message("system", next(filter(None, prompts))), *messages)


def _blank(messages: Sequence[Message], role: Role) -> bool:
    contents = [message.content for message in messages if message.role == role]
    return bool(contents) and not any(content.strip() for content in contents)


def _field_names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row.values))


def _listed(rows: Sequence[Row]) -> str:
    return ", ".join(map(repr, _field_names(rows))) or "(none)"


def _nothing_to_learn(source: str, rows: int) -> BadInputError:
    return BadInputError(
        f"{source}: no assistant text in any of its {rows:,} rows, so there is nothing to learn; "
        "each row needs a question and an answer that is not blank"
    )
