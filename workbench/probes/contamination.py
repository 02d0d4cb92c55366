"""Probe items that stand in the data a model is trained on, and so measure nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.probes.suites import key_of
from workbench.probes.wording import folded, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from workbench.data.formats import Example
    from workbench.probes.items import Size
    from workbench.probes.suites import Suite

    Gram = tuple[str, ...]


def overlapping(
    suites: Sequence[Suite], size: Size, texts: Iterable[str], n: int = 8
) -> tuple[str, ...]:
    """Items whose prompt shares ``n`` words in a row with a text, as ``suite/id`` in their order.

    A prompt of fewer words must be the whole text, whatever the case and the marks.
    """
    items = [(key_of(suite, item), item.prompt) for suite in suites for item in suite.asked(size)]
    holders: dict[Gram, set[str]] = {}
    for key, prompt in items:
        for gram in _grams(prompt, n):
            holders.setdefault(gram, set()).add(key)
    found = {key for text in texts for gram in _grams(text, n) for key in holders.get(gram, ())}
    return tuple(key for key, _ in items if key in found)


def texts_of(examples: Iterable[Example]) -> Iterator[str]:
    """Every turn, or the whole document, of each row."""
    for example in examples:
        if example.text is not None:
            yield example.text
        yield from (message.content for message in example.messages)


def _grams(text: str, n: int) -> Iterator[Gram]:
    """Each ``n`` words in a row, or all words of a shorter text."""
    found = words(folded(text))
    for start in range(max(1, len(found) - n + 1)):
        yield tuple(found[start : start + n])
