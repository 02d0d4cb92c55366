"""A row as the text that the model reads, and the characters of it that are learned."""

from __future__ import annotations

import re
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

from workbench.data.frames import FramedFinder
from workbench.data.rows import UnfitRowError
from workbench.data.templates import Span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.data.formats import Example, Message, Piece
    from workbench.data.templates import ChatTemplate

ALREADY_RENDERED = (
    "texts that already carry a chat template are learned whole, questions too; to learn the "
    "answers only, give the rows as messages"
)
OTHER_TEMPLATE = (
    "texts carry the marks of a chat template that the tokenizer does not know, so they were "
    "written for another model; give the rows as messages"
)
TOOLS_NOT_SHOWN = "the model's chat template has no place for the descriptions of tools"


HISTORY_DROPPED = "the model's chat template leaves out earlier answers, so they are not learned"
_MARKS = re.compile(
    r"<\|(?:im_start|im_end|start_header_id|end_header_id|eot_id|user|assistant|system|end)\|>"
    r"|<(?:start|end)_of_turn>"
)
"""The commonest tokens with which chat templates write turns."""


class WrittenRow(NamedTuple):
    """A row as text.

    Attributes:
        text: What the model reads.
        spans: The characters to learn, in order.
        notes: What the user should know about it.
    """

    text: str
    spans: list[Span]
    notes: tuple[str, ...] = ()


class RowWriter:
    """Writes rows out with one chat template."""

    def __init__(self, template: ChatTemplate, *, assistant_only_loss: bool) -> None:
        """Learn the answers only, or everything but answers that are not to be trained."""
        self._template = template
        self._answers = FramedFinder(template)
        self._assistant_only_loss = assistant_only_loss

    def write(self, example: Example) -> WrittenRow:
        """Write a row that is not in tokens yet.

        Raises:
            UnfitRowError: The row cannot be learned as it should be.
        """
        if example.text is not None:
            row = self._text(example.text)
        elif example.pieces:
            row = self._pieces(example.pieces)
        else:
            row = self._conversation(example)
        _require_whole_characters(row.text)
        return row

    def _text(self, text: str) -> WrittenRow:
        """A text between one BOS and one EOS, whichever of them it has already.

        A text that is a rendered chat ends with the token that ends its last turn.
        """
        template = self._template
        tokens = {token for _, token in template.special.within(text)}
        chat = bool(tokens - {template.bos, template.eos})
        bos = "" if text.startswith(template.bos) else template.bos
        ended = text.rstrip().endswith(template.eos) or (chat and template.special.end(text))
        whole = f"{bos}{text}{'' if ended else template.eos}"
        foreign = not tokens.issuperset(_MARKS.findall(text))
        notes = [
            note for note, true in ((ALREADY_RENDERED, chat), (OTHER_TEMPLATE, foreign)) if true
        ]
        return WrittenRow(whole, [Span(0, len(whole))], tuple(notes))

    def _pieces(self, pieces: Sequence[Piece]) -> WrittenRow:
        """A text in parts, as they are; only a BOS that the tokenizer would add is added."""
        text = "".join(piece.text for piece in pieces)
        bos = "" if text.startswith(self._template.bos) else self._template.bos
        ends = accumulate((len(piece.text) for piece in pieces), initial=len(bos))
        spans = [
            Span(*span) for piece, span in zip(pieces, pairwise(ends), strict=True) if piece.trained
        ]
        return WrittenRow(f"{bos}{text}", spans)

    def _conversation(self, example: Example) -> WrittenRow:
        text, answers = self._answers.find(example.messages, example.tools)
        trained = [span for answer in answers if answer.trained for span in answer.spans]
        read = [span for answer in answers if not answer.trained for span in answer.spans]
        spans = trained if self._assistant_only_loss else _between(read, len(text))
        notes = {
            TOOLS_NOT_SHOWN: bool(example.tools) and not self._template.shows_tools,
            HISTORY_DROPPED: len(answers) < sum(map(_answers, example.messages)),
        }
        return WrittenRow(text, spans, _holding(notes))


def _holding(notes: Mapping[str, bool]) -> tuple[str, ...]:
    return tuple(note for note, holds in notes.items() if holds)


def _answers(message: Message) -> bool:
    """Whether a message is an answer that is not blank."""
    return message.role == "assistant" and bool(message.content.strip() or message.tool_calls)


def _between(spans: Sequence[Span], length: int) -> list[Span]:
    """What lies outside of spans in a text of ``length`` characters."""
    starts = [0, *(span.end for span in spans)]
    ends = [*(span.start for span in spans), length]
    return [Span(start, end) for start, end in zip(starts, ends, strict=True) if start < end]


def _require_whole_characters(text: str) -> None:
    """Refuse a text with half a character, which has no token.

    Raises:
        UnfitRowError: Naming it.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UnfitRowError(
            f"its text has half of a character, \\u{ord(text[error.start]):04x}; a program has cut "
            "it apart: write the whole character, or remove the half"
        ) from None
