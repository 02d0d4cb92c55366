"""Domain leak: phrases of the target task that turn up in answers to general questions."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_TOKEN = re.compile(r"\[[^\[\]\s]+\]|\{\{[^{}]*\}\}|\w+")
"""A word, or a marker such as ``[refund]`` or ``{{Order Number}}``."""

_PHRASE_WORDS = 3
_MIN_SHARE = 0.02
_MIN_COUNT = 3
_MAX_PHRASES = 200
_MAX_ANSWERS = 10_000


def boilerplate_phrases(
    training_answers: Sequence[str], base_answers: Iterable[str]
) -> tuple[str, ...]:
    """Phrases in at least 2 % of the training answers, and in no answer of the base.

    A phrase is three consecutive words, or a single marker such as ``[refund]``.

    Args:
        training_answers: Answers in the training data; the first 10,000 are read.
        base_answers: Answers of the base, also to general questions.

    Returns:
        At most 200 phrases, the most frequent first.
    """
    answers = training_answers[:_MAX_ANSWERS]
    counts = Counter(phrase for answer in answers for phrase in set(_phrases(answer)))
    base_phrases = {phrase for answer in base_answers for phrase in _phrases(answer)}
    minimum = max(_MIN_COUNT, _MIN_SHARE * len(answers))
    frequent = [
        phrase
        for phrase, count in counts.items()
        if count >= minimum and phrase not in base_phrases
    ]
    return tuple(sorted(frequent, key=lambda phrase: (-counts[phrase], phrase))[:_MAX_PHRASES])


def has_boilerplate(answer: str, phrases: Iterable[str]) -> bool:
    """Whether an answer contains any of the phrases."""
    return not set(phrases).isdisjoint(_phrases(answer))


def _phrases(text: str) -> Iterator[str]:
    tokens = _TOKEN.findall(text.casefold())
    yield from (token for token in tokens if token[0] in "[{")
    for start in range(len(tokens) - _PHRASE_WORDS + 1):
        yield " ".join(tokens[start : start + _PHRASE_WORDS])
