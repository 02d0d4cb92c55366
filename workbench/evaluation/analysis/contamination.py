"""Probe items that stand in the data a model is trained on, and so measure nothing."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from workbench.evaluation.suites.suites import key_of
from workbench.evaluation.suites.text_normalisation import folded, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from workbench.data.formats import Example
    from workbench.evaluation.suites.items import Size
    from workbench.evaluation.suites.suites import Suite

    Gram = tuple[str, ...]

_WITHOUT_MARKS = bytes(
    code if chr(code).isalnum() or chr(code) in "'-" else ord(" ") for code in range(256)
)
_OUTSIDE_WORDS = re.compile(r"['-](?![a-zA-Z0-9])|(?<![a-zA-Z0-9])['-]")
"""Apostrophes and hyphens that join no two letters or digits."""


def overlapping(
    suites: Sequence[Suite], size: Size, texts: Iterable[str], n: int = 8
) -> tuple[str, ...]:
    """Items whose prompt shares ``n`` words in a row with a text, as ``suite/id`` in their order.

    A prompt of fewer words must be the whole text, whatever the case and the marks. Texts are read
    one after the other, each once; ``n`` is 2 or more.
    """
    items = [(key_of(suite, item), item.prompt) for suite in suites for item in suite.asked(size)]
    holders: dict[Gram, set[str]] = {}
    for key, prompt in items:
        for gram in _grams(_words(prompt), n):
            holders.setdefault(gram, set()).add(key)
    marks = {_mark(gram) for gram in holders if len(gram) == n}
    found: set[str] = set()
    for text in texts:
        spoken = _words(text)
        if len(spoken) < n or not marks.isdisjoint(pairwise(spoken)):
            found.update(*(holders.get(gram, ()) for gram in _grams(spoken, n)))
    return tuple(key for key, _ in items if key in found)


def texts_of(examples: Iterable[Example]) -> Iterator[str]:
    """Every turn, or the whole document, of each row."""
    for example in examples:
        if example.text is not None:
            yield example.text
        yield from (message.content for message in example.messages)


def _grams(found: Sequence[str], n: int) -> Iterator[Gram]:
    """Each ``n`` words in a row, or all words of a shorter text."""
    for start in range(max(1, len(found) - n + 1)):
        yield tuple(found[start : start + n])


def _mark(gram: Gram) -> tuple[str, str]:
    """Two neighbouring words without which no text holds ``gram``: the longest, so the rarest."""
    return max(pairwise(gram), key=lambda pair: len(pair[0]) + len(pair[1]))


def _words(text: str) -> list[str]:
    """What ``words(folded(text))`` gives, several times faster where all letters are English."""
    if not text.isascii():
        return words(folded(text))
    if "'" in text or "-" in text:
        text = _OUTSIDE_WORDS.sub(" ", text)
    return text.casefold().encode().translate(_WITHOUT_MARKS).decode().split()
