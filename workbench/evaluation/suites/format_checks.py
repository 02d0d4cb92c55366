"""Checks on the form of an answer, one small function each; no model and no download.

Each check takes a non-blank answer and the arguments that an item's constraint gives. Most follow
IFEval (Zhou et al. 2023, arXiv 2311.07911). :data:`CONSTRAINTS` lists them by name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from workbench.evaluation.suites.sentences import split_sentences
from workbench.evaluation.suites.text_normalisation import contains_phrase, fold, strip_punctuation
from workbench.evaluation.suites.text_normalisation import words as words_in

if TYPE_CHECKING:
    from collections.abc import Callable

Count = Annotated[int, Field(ge=1)]
Texts = Annotated[list[str], Field(min_length=1)]
Text = Annotated[str, Field(min_length=1)]
Columns = Annotated[int, Field(ge=2)] | Texts
"""Number of columns, or their names in order."""

_BULLET = re.compile(
    r"(?m)^(?P<indent>[ \t]*)(?:[*+\u2013\u2014-][ \t]+(?=\S)(?![*\u2013\u2014-]+[ \t]*$)"
    r"|-(?=[^\W\d_])|[\u2022\u2023\u25e6\u25aa\u25cf\u2043][ \t]*\S)"
)
_NUMBERED = re.compile(
    r"(?m)^(?P<indent>[ \t]*)(?:\*\*)?\(?(?P<number>\d+)[.)](?:\*\*)?(?:[ \t]+\S|[^\W\d_])"
)
_HIGHLIGHT = re.compile(r"(?<![*\w])(\*{1,3})(?=[^\s*])[^*\n]*(?<=[^\s*])\1(?!\*)")
_POSTSCRIPT = re.compile(
    r"(?m)(?:^[ \t*_(]*|[.!?\u2026)][ \t]+)"
    r"(?:[Pp]\.[ \t]?)?(?:[Pp]\.[ \t]?[Ss]\.?|PS)(?![^\W_])"
    r"[ \t:.,;*_\u2013\u2014-]*[^\s:.,;*_\u2013\u2014-]"
)
_QUOTED = re.compile(
    r'\s*(?:"[^"]+"|\u201c[^\u201c\u201d]+\u201d|\u201e[^\u201e\u201c\u201d]+[\u201c\u201d]'
    r"|\u00ab[^\u00ab\u00bb]+\u00bb)\s*"
)
_FENCED = re.compile(
    r"\s*(?P<fence>`{3,}|~{3,})[ \t]*\w*[ \t]*\n(?P<content>.*?)\n?[ \t]*(?P=fence)\s*", re.DOTALL
)
_EDGE_MARKS = "*_\"'\u201c\u201d\u2018\u2019\u00ab\u00bb`# \t\n>"
_TABLE_RULE = re.compile(r"\s*\|?(\s*:?-+:?\s*\|)+(\s*:?-+:?\s*)?")


def bullets(answer: str, n: Count) -> bool:
    """Exactly ``n`` lines that begin with ``*``, ``-`` or ``•``, nested ones counted or not."""
    indents = [_width(found["indent"]) for found in _BULLET.finditer(answer)]
    return n in (len(indents), indents.count(min(indents, default=0)))


def numbered(answer: str, n: Count) -> bool:
    """Lines numbered from 1 to ``n`` in order, as ``1.`` or ``1)``; others only nested."""
    found = list(_NUMBERED.finditer(answer))
    outermost = min((_width(match["indent"]) for match in found), default=0)
    numbers = [match["number"] for match in found if _width(match["indent"]) == outermost]
    return numbers == [str(number) for number in range(1, n + 1)]


def sentences(answer: str, min: int = 1, max: Count | None = None) -> bool:  # noqa: A002 - as items say it
    """Between ``min`` and ``max`` sentences; the last one may lack its full stop."""
    count = len(split_sentences(answer))
    return min <= count and (max is None or count <= max)


def words(answer: str, min: int = 1, max: Count | None = None) -> bool:  # noqa: A002 - as items say it
    """Between ``min`` and ``max`` words."""
    count = len(words_in(answer))
    return min <= count and (max is None or count <= max)


def lines(answer: str, n: Count) -> bool:
    """Exactly ``n`` lines that are not blank."""
    return sum(1 for line in answer.splitlines() if line.strip()) == n


def paragraphs(answer: str, n: Count) -> bool:
    """Exactly ``n`` paragraphs separated by blank lines; rules such as ``***`` are none."""
    parts = re.split(r"\n[ \t]*\n\s*", answer.strip())
    return sum(any(map(str.isalnum, part)) for part in parts) == n


def title(answer: str) -> bool:
    """A title in double angle brackets: ``<<Title>>``."""
    return re.search(r"<<[^<>\n]*[^<>\s][^<>\n]*>>", answer) is not None


def postscript(answer: str) -> bool:
    """A line or sentence that begins with ``P.S.`` or ``PS`` and is not empty after it."""
    return _POSTSCRIPT.search(answer) is not None


def highlight(answer: str, n: Count) -> bool:
    """At least ``n`` parts in ``*asterisks*``, ``**two**`` or three."""
    return sum(1 for _ in _HIGHLIGHT.finditer(answer)) >= n


def quoted(answer: str) -> bool:
    """The whole answer is in double quotes."""
    return _QUOTED.fullmatch(answer) is not None


def lowercase(answer: str) -> bool:
    """Letters, none of them a capital."""
    return _without_fence(answer).islower()


def uppercase(answer: str) -> bool:
    """Letters, all of them capitals."""
    return _without_fence(answer).isupper()


def title_case(answer: str) -> bool:
    """Every word that begins with a letter begins with a capital."""
    initials = [word[0] for word in words_in(answer) if word[0].isalpha()]
    return bool(initials) and not any(initial.islower() for initial in initials)


def no_commas(answer: str) -> bool:
    """Not one comma, of any script."""
    return not set(",\u3001\uff0c") & set(answer)


def letter(answer: str, letter: Text, min: Count) -> bool:  # noqa: A002 - as items say it
    """The letter at least ``min`` times, ignoring case."""
    return answer.casefold().count(letter.casefold()) >= min


def without(answer: str, texts: Texts) -> bool:
    """None of the texts: as whole words, or anywhere where a text has no letters."""
    return not any(
        contains_phrase(answer, text) if any(map(str.isalpha, text)) else text in answer
        for text in texts
    )


def contains(answer: str, texts: Texts) -> bool:
    """All of the texts, ignoring case, also inside words."""
    return all(fold(text) in fold(answer) for text in texts)


def starts_with(answer: str, text: Text) -> bool:
    """The text comes first as whole words, ignoring case and quotes or asterisks before it."""
    whole = fold(answer)
    return any(
        begun.startswith(fold(text)) and not _runs_on(text[-1], begun[len(fold(text)) :][:1])
        for begun in (whole, whole.lstrip(_EDGE_MARKS))
    )


def ends_with(answer: str, text: Text) -> bool:
    """The text comes last as whole words, ignoring case and quotes or asterisks after it."""
    whole = fold(answer)
    return any(
        ended.endswith(fold(text)) and not _runs_on(ended[: -len(fold(text))][-1:], text[0])
        for ended in (whole, whole.rstrip(_EDGE_MARKS))
    )


def one_of(answer: str, texts: Texts) -> bool:
    """One of the texts and nothing else, ignoring case and surrounding punctuation."""
    return strip_punctuation(answer) in map(strip_punctuation, texts)


def json(
    answer: str,
    keys: Texts | None = None,
    type: Literal["object", "array"] | None = None,  # noqa: A002 - as items say it
    length: Count | None = None,
) -> bool:
    """Nothing but a JSON object or array, which may stand in a code fence.

    An object, or each object of an array, has all the keys; ``length`` counts entries.
    """
    value = _parse_json(answer)
    if not isinstance(value, (dict, list)) or length not in (None, len(value)):
        return False
    if type not in (None, "array" if isinstance(value, list) else "object"):
        return False
    entries = value if isinstance(value, list) else [value]
    return all(_has_keys(entry, keys or []) for entry in entries)


def csv(answer: str, columns: Columns, rows: Count | None = None) -> bool:
    """Nothing but comma-separated lines of equal width, which may stand in a code fence.

    If columns are named, the first line holds the names and is not counted by ``rows``.
    """
    import csv as library

    lines = [line for line in _without_fence(answer).splitlines() if line.strip()]
    try:
        cells = list(library.reader(lines, skipinitialspace=True, strict=True))
    except library.Error:
        return False
    return _is_table(cells, columns, rows, has_header=False)


def table(answer: str, columns: Columns, rows: Count | None = None) -> bool:
    """A Markdown table anywhere in the answer; its header is not counted by ``rows``."""
    lines = answer.splitlines()
    for index, line in enumerate(lines[1:], 1):
        if _TABLE_RULE.fullmatch(line):
            header, body = lines[index - 1], lines[index + 1 :]
            cells = [_table_cells(row) for row in (header, *_leading_rows(body))]
            return _is_table(cells, columns, rows, has_header=True)
    return False


def yaml(answer: str, keys: Texts) -> bool:
    """Nothing but a YAML mapping with these keys, which may stand in a code fence; no JSON."""
    import yaml as library

    text = _without_fence(answer)
    if text.lstrip().startswith("{"):
        return False
    try:
        value = library.safe_load(text)
    except (library.YAMLError, ValueError, RecursionError):
        return False
    if not isinstance(value, dict) or not _has_keys(value, keys):
        return False
    return all(
        key in keys or content is not None for key, content in value.items()
    )  # "Here it is:"


def xml(answer: str, tag: Text) -> bool:
    """Nothing but one XML element with this tag, which may stand in a code fence."""
    from xml.etree import ElementTree as ET

    try:
        root = ET.fromstring(_without_fence(answer).strip())  # noqa: S314 - expat guards against bombs
    except (ET.ParseError, ValueError):
        return False
    return root.tag == tag


def _width(indent: str) -> int:
    return len(indent.expandtabs(4))


def _runs_on(last: str, following: str) -> bool:
    """Whether two neighbouring characters are parts of one word."""
    return last.isalnum() and following.isalnum()


def _without_fence(answer: str) -> str:
    """The content of a code fence around the whole answer, as in IFEval's check of JSON."""
    fenced = _FENCED.fullmatch(answer)
    return fenced["content"] if fenced else answer


def _parse_json(answer: str) -> Any:
    import json as library

    try:
        return library.loads(_without_fence(answer))
    except (ValueError, RecursionError):
        return None


def _has_keys(value: Any, keys: list[str]) -> bool:
    return not keys or (isinstance(value, dict) and set(keys) <= set(map(str, value)))


def _leading_rows(lines: list[str]) -> list[str]:
    """The lines before the first without a bar."""
    for index, line in enumerate(lines):
        if "|" not in line:
            return lines[:index]
    return lines


def _table_cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _is_table(
    cells: list[list[str]], columns: Columns, rows: int | None, *, has_header: bool
) -> bool:
    """Whether all rows have the right width, the names match and the row count is right."""
    names = columns if isinstance(columns, list) else None
    width = columns if isinstance(columns, int) else len(columns)
    if names and list(map(strip_punctuation, cells[0])) != list(map(strip_punctuation, names)):
        return False
    body = cells[1:] if has_header or names else cells
    return bool(body) and all(len(row) == width for row in cells) and rows in (None, len(body))


CONSTRAINTS: dict[str, Callable[..., bool]] = {
    check.__name__: check
    for check in (
        *(bullets, numbered, sentences, words, lines, paragraphs),
        *(lowercase, uppercase, title_case, no_commas, without, contains, starts_with, ends_with),
        *(quoted, title, postscript, highlight, one_of, letter),
        *(json, csv, table, yaml, xml),
    )
}
"""Every check by the name that constraints use for it, in the order in which help lists them."""
