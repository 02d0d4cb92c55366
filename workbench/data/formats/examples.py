"""What rows of every format become: conversations, texts, parts of texts, or tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.data.rows import RowFault

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: Who speaks.
        content: What is said.
        trained: For an answer, whether it is learned or only read.
        reasoning: The thought before an answer, where the row has a separate field for it.
        tool_calls: Calls of an answer, each ``{"type": "function", "id", "function": {"name",
            "arguments"}}`` with the arguments as an object, and without ``id`` where it has none.
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

    @property
    def blank(self) -> bool:
        """Whether it says nothing at all."""
        return not (self.content.strip() or self.reasoning.strip() or self.tool_calls)


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
        """Whether there is nothing to learn: a blank text, or only blank answers or questions."""
        if self.text is not None:
            return not self.text.strip()
        if self.tokens is not None:
            return not self.tokens.input_ids
        if self.pieces:
            return not any(piece.text.strip() for piece in self.pieces if piece.trained)
        return _blank(self.messages, "assistant") or _blank(self.messages, "user")


def _blank(messages: Sequence[Message], role: Role) -> bool:
    said = [message.blank for message in messages if message.role == role]
    return bool(said) and all(said)


@dataclass(frozen=True)
class Examples:
    """A dataset, whatever its format was.

    Attributes:
        format: The formats that were recognised, the most common one first, or the one set in
            the recipe.
        rows: The usable rows, in order; those of a large file are on disk until they are used.
        empty: Numbers of the rows dropped because their text, answers or questions are blank.
        unused: Fields that the model never sees; those of messages as ``messages[].name``.
        dropped: The rows dropped for any other reason, in order.
    """

    format: str
    rows: Sequence[Example]
    empty: tuple[int, ...]
    unused: tuple[str, ...]
    dropped: tuple[RowFault, ...] = ()
