"""Comparing texts by what they say: folding, words, and whole-phrase search."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regex import Pattern

_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'"})
_WORD = re.compile(
    r"[^\W\d_](?:\.[^\W\d_])+(?![^\W_])|[^\W_]+(?:['\u2019-][^\W_]+|(?<=\d)[.,:]\d+)*"
)
_PUNCTUATION = " .,;:!?\u2026\"'\u201c\u201d\u201e\u00ab\u00bb*_`"
_SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}"
"""Scripts written without spaces, in which words have no visible boundary."""


def fold(text: str) -> str:
    """Remove differences of case, white space, kind of apostrophe and Unicode form (NFKC)."""
    normal = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    return " ".join(normal.split())


def strip_punctuation(text: str) -> str:
    """:func:`fold`, and drop punctuation (quotes, full stops, asterisks …) at both ends.

    A text of nothing but punctuation is kept.
    """
    return fold(text).strip(_PUNCTUATION) or fold(text)


def words(text: str) -> list[str]:
    """The words of a text as written; ``don't``, ``well-known``, ``a.m`` and ``1,000`` are one."""
    return _WORD.findall(text)


def contains_phrase(text: str, phrase: str) -> bool:
    """Whether ``text`` contains ``phrase`` as whole words, ignoring case."""
    return _phrase_pattern(fold(phrase)).search(fold(text)) is not None


@lru_cache(maxsize=4096)
def _phrase_pattern(phrase: str) -> Pattern[str]:
    import regex

    inside = rf"[\w--[{_SPACELESS}]]"
    edges = rf"(?:(?<!{inside})|(?<=[{_SPACELESS}]))", rf"(?!{inside})"
    return regex.compile(regex.escape(phrase).join(edges), regex.V1)
