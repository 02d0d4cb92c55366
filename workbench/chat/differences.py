"""Which words appear in only one of two answers."""

from __future__ import annotations

from collections import Counter
from difflib import SequenceMatcher
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_EQUAL_PAIRS = 200_000
"""Above this many pairs of equal words, difflib's heuristic for popular words is used.

English text of 1,000 words has about 15,000 such pairs; an answer stuck in a loop has millions.
"""


class Span(NamedTuple):
    """A part of an answer.

    Attributes:
        text: As in the answer; its spans concatenate to the answer.
        unique: Whether the other answer has different words here, or none.
    """

    text: str
    unique: bool


def unique_words(answer: str, other: str) -> tuple[Span, ...]:
    """Mark the words and punctuation of ``answer`` that ``other`` does not have in their place.

    White space is never a difference, but belongs to one when both its neighbours do.
    """
    tokens = _tokenise(answer)
    words = [token for token in tokens if not token.isspace()]
    marked = _with_spaces(tokens, _is_unique(words, other))
    return tuple(
        Span("".join(token for token, _ in group), unique)
        for unique, group in groupby(marked, key=lambda pair: pair[1])
    )


def _tokenise(text: str) -> list[str]:
    """Split into words, punctuation and white space; scripts without spaces into letters."""
    import regex  # imported late: it would slow down the first paint

    spaceless = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}"
    inside = rf"[\w--[{spaceless}_]]"
    pattern = rf"\s+|{inside}+(?:['\u2019-]{inside}+)*|."
    tokens: list[str] = regex.findall(pattern, text, regex.V1 | regex.DOTALL)
    return tokens


def _is_unique(words: list[str], other: str) -> list[bool]:
    """For each word, whether it has no counterpart in ``other``."""
    other_words = [token for token in _tokenise(other) if not token.isspace()]
    repetitive = _equal_pairs(words, other_words) > _MAX_EQUAL_PAIRS
    matcher = SequenceMatcher(None, words, other_words, autojunk=repetitive)
    unique = [True] * len(words)
    for start, _, size in matcher.get_matching_blocks():
        unique[start : start + size] = [False] * size
    return unique


def _equal_pairs(words: list[str], other_words: list[str]) -> int:
    """The number of pairs of equal words, which determines how long matching takes."""
    counts = Counter(other_words)
    return sum(count * counts[word] for word, count in Counter(words).items())


def _with_spaces(tokens: list[str], unique: list[bool]) -> Iterator[tuple[str, bool]]:
    """Put the white space back between the words."""
    upcoming = iter([*unique, False])
    before, after = False, next(upcoming)
    for token in tokens:
        if token.isspace():
            yield token, before and after
        else:
            yield token, after
            before, after = after, next(upcoming)
