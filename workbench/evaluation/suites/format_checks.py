"""What an answer may be asked to look like, one small check each.

Every check takes the answer, which is never blank, and the arguments that an item's constraint
gives; :mod:`workbench.evaluation.suites.constraints` lists them under their kinds.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from workbench.evaluation.suites.text_normalisation import folded, mentions, plain
from workbench.evaluation.suites.text_normalisation import words as words_of

Count = Annotated[int, Field(ge=1)]
Texts = Annotated[list[str], Field(min_length=1)]
Text = Annotated[str, Field(min_length=1)]

_ABBREVIATIONS = re.compile(r"\b(Mr|Mrs|Ms|Dr|St|vs|e\.g|i\.e)\.(?=\s)")
_LIST_NUMBERS = re.compile(r"(?m)^\s*\d+[.)]\s+")
_SENTENCE_END = re.compile(r"[.!?\u2026]+[\"'\u201d\u2019)\]*]*(?:\s+|$)")
_HIGHLIGHT = re.compile(r"(?<![*\w])(\*{1,2})(?=[^\s*])[^*\n]*(?<=[^\s*])\1(?!\*)")


def bullets(answer: str, n: Count) -> bool:
    """Exactly ``n`` lines that begin with ``* `` or ``- ``."""
    return len(re.findall(r"(?m)^[ \t]*[*-][ \t]+\S", answer)) == n


def numbered(answer: str, n: Count) -> bool:
    """Lines numbered from 1 to ``n`` in order, as ``1.`` or ``1)``, and no others."""
    found = re.findall(r"(?m)^[ \t]*(\d+)[.)][ \t]+\S", answer)
    return found == [str(number) for number in range(1, n + 1)]


def sentences(answer: str, min: int = 1, max: Count | None = None) -> bool:  # noqa: A002 - as items say it
    """As many sentences, each ending in a mark before a space; a last one may lack its mark."""
    text = _ABBREVIATIONS.sub(r"\1", _LIST_NUMBERS.sub("", answer))
    count = sum(1 for part in _SENTENCE_END.split(text) if words_of(part))
    return min <= count and (max is None or count <= max)


def words(answer: str, min: int = 1, max: Count | None = None) -> bool:  # noqa: A002 - as items say it
    """As many words."""
    count = len(words_of(answer))
    return min <= count and (max is None or count <= max)


def lines(answer: str, n: Count) -> bool:
    """Exactly ``n`` lines that are not blank."""
    return sum(1 for line in answer.splitlines() if line.strip()) == n


def paragraphs(answer: str, n: Count) -> bool:
    """Exactly ``n`` paragraphs with blank lines between them."""
    return len(re.split(r"\n[ \t]*\n\s*", answer.strip())) == n


def lowercase(answer: str) -> bool:
    """Letters, none of them a capital."""
    return answer.islower()


def uppercase(answer: str) -> bool:
    """Letters, all of them capitals."""
    return answer.isupper()


def title_case(answer: str) -> bool:
    """Every word that begins with a letter begins with a capital."""
    initials = [word[0] for word in words_of(answer) if word[0].isalpha()]
    return bool(initials) and not any(initial.islower() for initial in initials)


def no_commas(answer: str) -> bool:
    """Not one comma."""
    return "," not in answer


def without(answer: str, texts: Texts) -> bool:
    """None of the texts: as whole words, or anywhere where a text has no letters."""
    return not any(
        mentions(answer, text) if any(map(str.isalpha, text)) else text in answer for text in texts
    )


def contains(answer: str, texts: Texts) -> bool:
    """All of the texts, whatever the case and also inside words."""
    return all(folded(text) in folded(answer) for text in texts)


def starts_with(answer: str, text: Text) -> bool:
    """The text comes first, whatever the case."""
    return folded(answer).startswith(folded(text))


def ends_with(answer: str, text: Text) -> bool:
    """The text comes last, whatever the case."""
    return folded(answer).endswith(folded(text))


def quoted(answer: str) -> bool:
    """The whole answer stands in double quotes."""
    return re.fullmatch(r'\s*(?:"[^"]+"|\u201c[^\u201c\u201d]+\u201d)\s*', answer) is not None


def title(answer: str) -> bool:
    """A title in double angle brackets: ``<<Title>>``."""
    return re.search(r"<<[^<>\n]*[^<>\s][^<>\n]*>>", answer) is not None


def postscript(answer: str) -> bool:
    """A line that begins with ``P.S.`` and goes on."""
    return re.search(r"(?im)^[ \t]*P\.[ \t]?S\.[ \t:]*\S", answer) is not None


def highlight(answer: str, n: Count) -> bool:
    """At least ``n`` parts in ``*asterisks*`` or ``**two**``."""
    return sum(1 for _ in _HIGHLIGHT.finditer(answer)) >= n


def one_of(answer: str, texts: Texts) -> bool:
    """One of the texts and nothing else, whatever the case and the marks around it."""
    return plain(answer) in map(plain, texts)


def letter(answer: str, letter: Text, min: Count) -> bool:  # noqa: A002 - as items say it
    """The letter at least ``min`` times, whatever the case."""
    return answer.casefold().count(letter.casefold()) >= min
