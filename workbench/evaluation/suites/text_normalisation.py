"""When two texts say the same, and when one mentions another."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regex import Pattern

_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'"})
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_EDGES = " .,;:!?\u2026\"'\u201c\u201d\u201e\u00ab\u00bb*_`"
_SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}"
"""Scripts written without spaces, in which a word has no edge to look for."""


def folded(text: str) -> str:
    """Equal for texts that differ in case, spaces, kind of apostrophe or Unicode form only."""
    normal = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    return " ".join(normal.split())


def plain(text: str) -> str:
    """Like :func:`folded`, and without marks (quotes, full stops, asterisks …) at both ends.

    A text of nothing but marks stays as it is.
    """
    return folded(text).strip(_EDGES) or folded(text)


def words(text: str) -> list[str]:
    """The words of a text as they stand; ``don't`` and ``well-known`` are one each."""
    return _WORD.findall(text)


def mentions(text: str, phrase: str) -> bool:
    """Whether ``phrase`` stands in ``text`` as whole words, whatever the case."""
    return _whole(folded(phrase)).search(folded(text)) is not None


@lru_cache(maxsize=4096)
def _whole(phrase: str) -> Pattern[str]:
    import regex

    inside = rf"[\w--[{_SPACELESS}]]"
    edges = rf"(?:(?<!{inside})|(?<=[{_SPACELESS}]))", rf"(?!{inside})"
    return regex.compile(regex.escape(phrase).join(edges), regex.V1)
