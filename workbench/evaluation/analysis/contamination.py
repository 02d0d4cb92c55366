"""Probe items that occur in the data a model is trained on, and so measure nothing."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from workbench.evaluation.suites.suites import item_key
from workbench.evaluation.suites.text_normalisation import fold, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from workbench.data.formats import Example
    from workbench.evaluation.suites.items import Size
    from workbench.evaluation.suites.suites import Suite

    NGram = tuple[str, ...]

_ASCII_WORD_CHARACTERS = bytes(
    code if chr(code).isalnum() or chr(code) in "'-" else ord(" ") for code in range(256)
)
_OUTER_MARKS = re.compile(r"['-](?![a-zA-Z0-9])|(?<![a-zA-Z0-9])['-]")
"""Apostrophes and hyphens that do not join two letters or digits."""


def contaminated_items(
    suites: Sequence[Suite], size: Size, texts: Iterable[str], n: int = 8
) -> tuple[str, ...]:
    """Items whose prompt shares ``n`` consecutive words with a text, as ``suite/id``.

    A shorter prompt must equal the whole text, ignoring case and punctuation. Texts are streamed,
    each is read once; ``n`` is 2 or more.
    """
    # 1. Index the n-grams of all prompts.
    items = [
        (item_key(suite, item), item.prompt) for suite in suites for item in suite.items_at(size)
    ]
    keys_of: dict[NGram, set[str]] = {}
    for key, prompt in items:
        for ngram in _ngrams(_words(prompt), n):
            keys_of.setdefault(ngram, set()).add(key)
    # 2. Look up the n-grams of each text, skipping texts without the rarest bigram of any prompt.
    bigrams = {_rarest_bigram(ngram) for ngram in keys_of if len(ngram) == n}
    contaminated: set[str] = set()
    for text in texts:
        text_words = _words(text)
        if len(text_words) < n or not bigrams.isdisjoint(pairwise(text_words)):
            contaminated.update(*(keys_of.get(ngram, ()) for ngram in _ngrams(text_words, n)))
    return tuple(key for key, _ in items if key in contaminated)


def example_texts(examples: Iterable[Example]) -> Iterator[str]:
    """Every message, or the whole document or its parts, of each row."""
    for example in examples:
        if example.text is not None:
            yield example.text
        yield from (message.content for message in example.messages)
        yield from (piece.text for piece in example.pieces)


def _ngrams(text_words: Sequence[str], n: int) -> Iterator[NGram]:
    """All ``n`` consecutive words, or all words of a shorter text."""
    for start in range(max(1, len(text_words) - n + 1)):
        yield tuple(text_words[start : start + n])


def _rarest_bigram(ngram: NGram) -> tuple[str, str]:
    """The longest pair of neighbouring words, which is likely to be the rarest."""
    return max(pairwise(ngram), key=lambda pair: len(pair[0]) + len(pair[1]))


def _words(text: str) -> list[str]:
    """``words(fold(text))``, several times faster for ASCII text."""
    if not text.isascii():
        return words(fold(text))
    if "'" in text or "-" in text:
        text = _OUTER_MARKS.sub(" ", text)
    return text.casefold().encode().translate(_ASCII_WORD_CHARACTERS).decode().split()
