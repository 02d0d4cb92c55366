"""Domain leak: phrases of the target task that turn up where nobody asked for them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_WORD = re.compile(r"\[[^\[\]\s]+\]|\{\{[^{}]*\}\}|\w+")
"""A word, or a mark such as ``[refund]`` or ``{{Order Number}}``."""

_WORDS = 3
_SHARE = 0.02
_FEWEST = 3
_MOST_PHRASES = 200
_MOST_ANSWERS = 10_000


def boilerplate(taught: Sequence[str], base_answers: Iterable[str]) -> tuple[str, ...]:
    """Phrases that at least 2 % of the taught answers hold and no answer of the base.

    A phrase is three words in a row, or a single mark such as ``[refund]``.

    Args:
        taught: The answers that are learned; the first 10,000 are looked at.
        base_answers: What the base says, to general questions among others.

    Returns:
        At most 200 phrases, the most frequent first.
    """
    answers = taught[:_MOST_ANSWERS]
    held = Counter(phrase for answer in answers for phrase in set(_phrases(answer)))
    known = {phrase for answer in base_answers for phrase in _phrases(answer)}
    fewest = max(_FEWEST, _SHARE * len(answers))
    frequent = [phrase for phrase, count in held.items() if count >= fewest and phrase not in known]
    return tuple(sorted(frequent, key=lambda phrase: (-held[phrase], phrase))[:_MOST_PHRASES])


def leaks(answer: str, phrases: Iterable[str]) -> bool:
    """Whether an answer holds any of the phrases."""
    return not set(phrases).isdisjoint(_phrases(answer))


def _phrases(text: str) -> Iterator[str]:
    words = _WORD.findall(text.casefold())
    yield from (word for word in words if word[0] in "[{")
    for start in range(len(words) - _WORDS + 1):
        yield " ".join(words[start : start + _WORDS])
