"""Domain leak: phrases of the target task that turn up in answers to general questions."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_TOKEN = re.compile(
    r"\[[^\W\d_][^\[\]\n]{0,40}\](?!\()|\{\{[^{}]*\}\}|\{[^\W\d][\w ]*\}|<[^\W\d]\w*_\w*>|\w+"
)
"""A word, or a marker such as ``[refund]``, ``{{Order Number}}``, ``{name}`` or ``<order_id>``."""

LABEL, PLACEHOLDER = "[\u2026]", "{{\u2026}}"
"""Phrases that stand for any label at the beginning of an answer, and for any placeholder in it."""

_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a about after again all also always am an and any are as at be because been before being "
        "but by can come could d did do does done don down each even every few find first for from "
        "get give go going good had has have having he help helps her here his how i if in into is "
        "it its just know let like ll look m made make makes many may me might more most much must "
        "my need needs no not now of off on one only or other our out over own people please re s "
        "same see she should so some such sure t take than thank thanks that the their them then "
        "there these they thing things think this those through time to too two up us use used "
        "using ve very want wants was way we well were what when where which while who why will "
        "with without work would year years yes you your able back best both during long new",
    )
)
"""A phrase of nothing but these words is ordinary English, whatever the task."""

_PHRASE_WORDS = 3
_MIN_SHARE = 0.02
_MIN_COUNT = 3
_MAX_PHRASES = 200
_MAX_ANSWERS = 10_000


def boilerplate_phrases(
    training_answers: Sequence[str], base_answers: Iterable[str]
) -> tuple[str, ...]:
    """Phrases in at least 2 % of the training answers, and in no answer of the base.

    A phrase is three consecutive words that are not all common ones, a single marker such as
    ``[refund]``, or a kind of marker: :data:`LABEL`, :data:`PLACEHOLDER`.

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
    markers = [token for token in tokens if token[0] in "[{<"]
    yield from markers
    if tokens and tokens[0].startswith("["):
        yield LABEL
    if any(marker.startswith("{{") for marker in markers):
        yield PLACEHOLDER
    for start in range(len(tokens) - _PHRASE_WORDS + 1):
        words = tokens[start : start + _PHRASE_WORDS]
        if not _COMMON.issuperset(words):
            yield " ".join(words)
