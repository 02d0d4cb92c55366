"""Which words stand only in one of two answers."""

from __future__ import annotations

from collections import Counter
from difflib import SequenceMatcher
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORK = 200_000
"""Pairs of equal words up to which every pair is looked at; English of 1,000 words has 15,000."""


class Span(NamedTuple):
    """A stretch of an answer.

    Attributes:
        text: As it stands; all spans of an answer make up the answer.
        own: Whether the other answer has other words here, or none.
    """

    text: str
    own: bool


def own_words(answer: str, other: str) -> tuple[Span, ...]:
    """Mark the words and punctuation marks of ``answer`` that ``other`` does not have in its place.

    White space is never a difference, but stands inside one where both its neighbours do.
    """
    pieces = _pieces(answer)
    marks = _marks([piece for piece in pieces if not piece.isspace()], other)
    marked = _spaced(pieces, marks)
    return tuple(
        Span("".join(piece for piece, _ in group), own)
        for own, group in groupby(marked, key=lambda pair: pair[1])
    )


def _pieces(text: str) -> list[str]:
    """Words, punctuation marks and stretches of white space; where no spaces are used, letters."""
    import regex  # here, because the first paint has no time for it

    spaceless = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}"
    inside = rf"[\w--[{spaceless}_]]"
    pattern = rf"\s+|{inside}+(?:['\u2019-]{inside}+)*|."
    found: list[str] = regex.findall(pattern, text, regex.V1 | regex.DOTALL)
    return found


def _marks(words: list[str], other: str) -> list[bool]:
    """For each word whether it is only here."""
    others = [piece for piece in _pieces(other) if not piece.isspace()]
    matcher = SequenceMatcher(None, words, others, autojunk=_work(words, others) > _WORK)
    marks = [True] * len(words)
    for start, _, size in matcher.get_matching_blocks():
        marks[start : start + size] = [False] * size
    return marks


def _work(words: list[str], others: list[str]) -> int:
    """Pairs of equal words: many where an answer repeats itself without end."""
    there = Counter(others)
    return sum(count * there[word] for word, count in Counter(words).items())


def _spaced(pieces: list[str], marks: list[bool]) -> Iterator[tuple[str, bool]]:
    """Put the white space back between the words."""
    coming = iter([*marks, False])
    before, after = False, next(coming)
    for piece in pieces:
        if piece.isspace():
            yield piece, before and after
        else:
            yield piece, after
            before, after = after, next(coming)
