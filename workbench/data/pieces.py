"""Long rows in pieces: texts are divided, nothing of them lost; conversations lose their end."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.data.rendering import IGNORE_INDEX, Rendered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from workbench.data.formats import Example

PART = 100_000
"""Characters of a text that are tokenised at once at most."""

_CHARACTERS_PER_TOKEN = 200
"""More than any token has: text beyond so many for each token that is kept is never seen."""

_BETWEEN_WORDS = re.compile(r"(?<=\w)(?= \w)")
_LOOK_BACK = 2000


def text_parts(text: str) -> list[str]:
    """Divide a text into parts of at most :data:`PART` characters, between words where it can be.

    A tokenizer that never joins two words then yields the tokens of the whole text.
    """
    parts, start = [], 0
    while len(text) - start > PART:
        stop = start + PART
        spaces = [match.start() for match in _BETWEEN_WORDS.finditer(text, stop - _LOOK_BACK, stop)]
        stop = spaces[-1] if spaces else stop
        parts.append(text[start:stop])
        start = stop
    return [*parts, text[start:]]


def shorten(example: Example, sequence_length: int) -> Example:
    """Cut what no token within ``sequence_length`` can come from; the row itself if that is none.

    What is left of a message that is cut alone has more tokens than are kept, so that what the
    model reads is the same.
    """
    most = _CHARACTERS_PER_TOKEN * sequence_length
    if all(len(text) <= most for text in (*_texts(example), example.text or "")):
        return example
    return replace(
        example,
        text=None if example.text is None else example.text[:most],
        messages=tuple(
            replace(message, content=message.content[:most], reasoning=message.reasoning[:most])
            for message in example.messages
        ),
        pieces=tuple(piece._replace(text=piece.text[:most]) for piece in example.pieces),
    )


def size(example: Example) -> int:
    """Characters of a row."""
    return len(example.text or "") + sum(map(len, _texts(example)))


def cut_text(parts: Iterable[Rendered], length: int, overlap: int) -> Iterator[Rendered]:
    """Cut a text into pieces of ``length`` tokens.

    Every token is learned in one piece only: those that a piece repeats of the one before are read.
    The last piece is shorter, but of two tokens at least, for nothing predicts the first one.

    Args:
        parts: The tokens of the text, in parts of any length.
        length: Tokens of a piece, at least 2.
        overlap: Tokens that a piece repeats, fewer than ``length``.
    """
    input_ids: list[int] = []
    labels: list[int] = []
    read = 0

    def piece() -> Rendered:
        learned = [*[IGNORE_INDEX] * read, *labels[read:length]]
        return Rendered(input_ids[:length], learned[:length], truncated=False)

    for part in parts:
        input_ids += part.input_ids
        labels += part.labels
        while len(input_ids) > length + 1:
            yield piece()
            del input_ids[: length - overlap], labels[: length - overlap]
            read = overlap
    if len(input_ids) > length:
        yield piece()
        read = max(1, overlap)
        del input_ids[: length - read], labels[: length - read]
    if input_ids:
        yield piece()


def _texts(example: Example) -> Iterator[str]:
    for message in example.messages:
        yield message.content
        yield message.reasoning
    for part in example.pieces:
        yield part.text
