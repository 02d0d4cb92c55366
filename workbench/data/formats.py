"""Dataset formats: recognised from the names of fields, and all turned into the same examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from workbench.core.errors import BadInputError
from workbench.data.rows import (
    Row,
    RowFault,
    UnfitRowError,
    first_present,
    json_type,
    rows_error,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workbench.recipe.data import DataFormat

Role = Literal["system", "user", "assistant", "tool"]

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
    """One turn of a conversation.

    Attributes:
        role: Who speaks.
        content: What is said.
        trained: For an answer, whether it is learned or only read.
        reasoning: The thought before an answer, where the row has it in a field of its own.
        tool_calls: Calls of an answer, each ``{"type": "function", "id", "function": {"name",
            "arguments"}}`` with the arguments as an object.
        name: For a tool's message, the tool.
        tool_call_id: For a tool's message, the call that it answers.
    """

    role: Role
    content: str
    trained: bool = True
    reasoning: str = ""
    tool_calls: tuple[Mapping[str, object], ...] = ()
    name: str = ""
    tool_call_id: str = ""


class Piece(NamedTuple):
    """A part of a text that is written out with whatever template it needs."""

    text: str
    trained: bool


class Tokens(NamedTuple):
    """A row that is in tokens already.

    Attributes:
        input_ids: Token ids.
        labels: As long: the id of a token to learn, -100 elsewhere.
    """

    input_ids: tuple[int, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Example:
    """One row, ready to be rendered: one of ``messages``, ``text``, ``pieces`` and ``tokens``.

    Attributes:
        number: Line or position in its source, from 1.
        fields: The row as it was read, with labels such as ``intent``.
        messages: A conversation, for the chat template.
        text: A document that is learned as it is.
        pieces: A text in parts, each of them learned or only read.
        tokens: A row in tokens.
        tools: Descriptions of the tools that the conversation may call, as JSON schemas.
        dataset: Which of the recipe's datasets it is from, from 0.
    """

    number: int
    fields: Mapping[str, object]
    messages: tuple[Message, ...] = ()
    text: str | None = None
    pieces: tuple[Piece, ...] = ()
    tokens: Tokens | None = None
    tools: tuple[Mapping[str, object], ...] = ()
    dataset: int = 0

    @property
    def empty(self) -> bool:
        """Whether the text, all answers or all questions are blank."""
        if self.text is not None:
            return not self.text.strip()
        return _blank(self.messages, "assistant") or _blank(self.messages, "user")


@dataclass(frozen=True)
class Examples:
    """A dataset, whatever its format was.

    Attributes:
        format: The format that was recognised or set in the recipe.
        rows: The usable rows, in order; those of a large file are on disk until they are used.
        empty: Numbers of the rows dropped because their text, answers or questions are blank.
        unused: Fields that the model never sees.
    """

    format: str
    rows: Sequence[Example]
    empty: tuple[int, ...]
    unused: tuple[str, ...]


def to_examples(
    rows: Sequence[Row], data_format: DataFormat, source: str, unit: str = "row"
) -> Examples:
    """Turn rows of any known format into examples.

    Args:
        rows: At least one row.
        data_format: The name of a format, or ``auto`` to recognise it.
        source: The dataset, for errors.
        unit: What the rows' numbers count, for errors.

    Raises:
        BadInputError: The format is not recognised, rows do not fit it (the text lists them), or
            no row has any assistant text.
    """
    form = _recognise(rows, source) if data_format == "auto" else _named(rows, data_format, source)
    examples, faults = _build(rows, form)
    if len(faults) == len(rows) and all(fault.reason == _NO_ANSWER for fault in faults):
        raise _nothing_to_learn(source, len(rows))
    if faults:
        raise rows_error(source, faults, unit)
    usable = tuple(example for example in examples if not example.empty)
    if not usable:
        raise _nothing_to_learn(source, len(rows))
    return Examples(
        format=form.name,
        rows=usable,
        empty=tuple(example.number for example in examples if example.empty),
        unused=tuple(name for name in _field_names(rows) if name not in form.uses),
    )


@dataclass(frozen=True)
class _Format:
    """A way to write a dataset.

    Attributes:
        name: As in a recipe.
        required: For each part of a row the names that its field may have, the usual one first.
        build: Returns the messages, or the text, of one row.
        optional: Fields that are used where they are present.
    """

    name: str
    required: tuple[tuple[str, ...], ...]
    build: Callable[[_Format, Mapping[str, object]], tuple[Message, ...] | str]
    optional: tuple[str, ...] = _SYSTEM

    @property
    def uses(self) -> set[str]:
        return {*self.optional, *(name for names in self.required for name in names)}

    def fits(self, fields: Iterable[str]) -> bool:
        present = set(fields)
        return all(present.intersection(names) for names in self.required)

    def __str__(self) -> str:
        return f"{self.name} ({', '.join('/'.join(names) for names in self.required)})"


def _build_conversation(form: _Format, values: Mapping[str, object]) -> tuple[Message, ...]:
    turns = values[first_present(form.required[0], values)]
    if not isinstance(turns, (list, tuple)):
        raise UnfitRowError(f"{form.required[0][0]!r} is {json_type(turns)}, not a list")
    messages = tuple(_message(turn) for turn in turns)
    if not any(message.role == "assistant" for message in messages):
        raise UnfitRowError(_NO_ANSWER)
    return _with_system_prompt(values, messages)


def _build_pair(form: _Format, values: Mapping[str, object]) -> tuple[Message, ...]:
    question, answer = (text_of(values, first_present(names, values)) for names in form.required)
    inputs = [name for name in form.optional if name in values and name not in _SYSTEM]
    parts = (question, *(text_of(values, name) for name in inputs))
    prompt = "\n\n".join(part for part in parts if part.strip())
    return _with_system_prompt(values, (Message("user", prompt), Message("assistant", answer)))


def _build_text(form: _Format, values: Mapping[str, object]) -> str:
    return text_of(values, first_present(form.required[0], values))


_PAIR_ANSWERS = ("completion", "response", "answer", "output")
_FORMATS = {
    form.name: form
    for form in (
        _Format("messages", (("messages",),), _build_conversation),
        _Format("sharegpt", (("conversations", "conversation"),), _build_conversation),
        _Format(
            "alpaca",
            (("instruction",), ("output", "response")),
            _build_pair,
            optional=("input", "context", *_SYSTEM),
        ),
        _Format("prompt_completion", (("prompt", "query", "input"), _PAIR_ANSWERS), _build_pair),
        _Format("question_answer", (("question",), ("answer", "response")), _build_pair),
        _Format("text", (("text",),), _build_text, optional=()),
    )
}


def _recognise(rows: Sequence[Row], source: str) -> _Format:
    """The format that most rows fit; the others are reported as faults later."""
    fitting = (
        next((form for form in _FORMATS.values() if form.fits(row.values)), None) for row in rows
    )
    counts = Counter(form.name for form in fitting if form)
    if not counts:
        formats = "; ".join(str(form) for form in _FORMATS.values())
        raise BadInputError(
            f"{source}: format not recognised from the fields {_list_fields(rows)}; known are "
            f"{formats}"
        )
    form = _FORMATS[counts.most_common(1)[0][0]]
    choices = set(_field_names(rows)).intersection(_CHOICES)
    if form.build is _build_pair and choices:
        raise BadInputError(
            f"{source}: looks like multiple choice (field {choices.pop()!r}), whose answers are "
            "often only numbers; write each right answer out as text, or set the format to "
            f"{form.name} to learn the answers as they are"
        )
    return form


def _named(rows: Sequence[Row], name: str, source: str) -> _Format:
    """The format that the recipe names."""
    form = _FORMATS[name]
    if not any(form.fits(row.values) for row in rows):
        raise BadInputError(f"{source}: not {form}: its fields are {_list_fields(rows)}")
    return form


def _build(rows: Sequence[Row], form: _Format) -> tuple[list[Example], list[RowFault]]:
    examples, faults = [], []
    for row in rows:
        try:
            content = form.build(form, row.values)
        except UnfitRowError as error:
            faults.append(RowFault(row.number, str(error)))
            continue
        if isinstance(content, str):
            examples.append(Example(row.number, row.values, text=content))
        else:
            examples.append(Example(row.number, row.values, messages=content))
    return examples, faults


def _message(turn: object) -> Message:
    if not isinstance(turn, Mapping):
        raise UnfitRowError(f"a message is {json_type(turn)}, not an object")
    role = turn[first_present(("role", "from"), turn)]
    if not isinstance(role, str) or role not in _ROLES:
        raise UnfitRowError(f"unknown role {role!r}; known are {', '.join(map(str, _ROLES))}")
    return Message(_ROLES[role], text_of(turn, first_present(("content", "value"), turn)))


def _with_system_prompt(
    values: Mapping[str, object], messages: tuple[Message, ...]
) -> tuple[Message, ...]:
    """Put the system prompt of the row, if it has one, before a conversation without one."""
    prompts = [text_of(values, name) for name in _SYSTEM if name in values]
    prompt = next(filter(None, prompts), None)
    if prompt is None or messages[0].role == "system":
        return messages
    return (Message("system", prompt), *messages)


def _blank(messages: Sequence[Message], role: Role) -> bool:
    contents = [message.content for message in messages if message.role == role]
    return bool(contents) and not any(content.strip() for content in contents)


def _field_names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row.values))


def _list_fields(rows: Sequence[Row]) -> str:
    return ", ".join(map(repr, _field_names(rows))) or "(none)"


def _nothing_to_learn(source: str, rows: int) -> BadInputError:
    return BadInputError(
        f"{source}: no assistant text in any of its {rows:,} rows, so there is nothing to learn; "
        "each row needs a question and an answer that is not blank"
    )
