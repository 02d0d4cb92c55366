"""Where the sentences of a text end: abbreviations, initials, times and ellipses do not end one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLOSERS = r"(?:[\"'\u201d\u2019\u00bb)\]*_`]|\[\d+\])*"
_STOP = re.compile(
    rf"(?P<mark>[.!?\u2026]+)(?P<close>{_CLOSERS})(?=\s|$)|[\u3002\uff01\uff1f]+{_CLOSERS}"
)
_LIST_NUMBER = re.compile(r"(?m)^([ \t>]*)\d+[.)](?=[ \t])")
_LAST_WORD = re.compile(r"[^\s(\[\"\u201c*_/\u2013\u2014]*$")
_NEXT_WORD = re.compile(r"\s*[\"'\u201c\u2018(\[*_]*(?P<word>[^\W_]*)")


def _word_set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_NEVER_LAST = _word_set(
    "mr mrs ms dr prof st mt gen sen rep capt lt col sgt rev hon gov messrs "
    "vs v cf approx ca e.g i.e eg ie viz incl excl esp p.s"
)
"""Abbreviations that always have something after them."""
_BEFORE_NUMBERS = _word_set(
    "no nos fig figs vol p pp ch sec jan feb mar apr jun jul aug sep sept oct nov dec"
)
"""Abbreviations that end no sentence if a number follows."""
_TIMES = _word_set("a.m p.m am pm")
_AFTER_TIMES = _word_set(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may "
    "june july august september october november december est pst gmt utc cet et pt"
)
"""Capitalised words that may follow a time of day within a sentence."""
_ENTITIES = _word_set("inc ltd co corp jr sr ph.d b.sc m.sc b.a m.a")
_OPENERS = _word_set(
    "the a an this that these those there here it its he his she her they their we our i you your "
    "my and but or so yet however if when while since as for from in on at by with after before "
    "although because both many some most all each every no not then thus today also what who how "
    "why where which let please to one"
)
"""Words that, capitalised after ``U.S.``, ``J.`` or ``Inc.``, begin a sentence."""


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, without those that hold no letter or digit.

    A sentence ends at ``.``, ``!``, ``?`` or an ellipsis before white space, except

    1. after a list's number at the beginning of a line;
    2. after an abbreviation (``approx. 110``, ``No. 5``), a title (``Dr.``) or an initial;
    3. after ``a.m.``, ``U.S.``, ``Inc.`` and the like, unless what follows begins a sentence;
    4. after an ellipsis or a quoted ``?`` or ``!``, if what follows begins with a small letter.

    The last sentence may lack its stop; a line's end alone ends none.
    """
    text = _LIST_NUMBER.sub(r"\1", text)
    return [part.strip() for part in _parts(text) if any(map(str.isalnum, part))]


def _parts(text: str) -> Iterator[str]:
    start = 0
    for stop in _STOP.finditer(text):
        if _ends(stop, text[start : stop.start()], text[stop.end() :]):
            yield text[start : stop.end()]
            start = stop.end()
    yield text[start:]


def _ends(stop: re.Match[str], before: str, after: str) -> bool:
    """Whether a sentence ends here."""
    following = _NEXT_WORD.match(after)
    word = following["word"] if following else ""
    match stop["mark"]:
        case None:
            return True
        case "." if not after.strip():
            return True
        case ".":
            return _full_stop_ends(_last_word(before), word)
        case "!" | "?" | "!?" | "?!" | "!!" | "??" if not stop["close"]:
            return True
        case _:
            return not word[:1].islower()


def _last_word(text: str) -> str:
    found = _LAST_WORD.search(text)
    return found[0].lstrip("'\u2018").lower() if found else ""


def _full_stop_ends(last: str, following: str) -> bool:
    """Whether a full stop after the word ``last`` ends the sentence before ``following``."""
    if last in _NEVER_LAST:
        return False
    if last in _BEFORE_NUMBERS and following[:1].isdigit():
        return False
    if last in _TIMES:
        return following[:1].isupper() and following.lower() not in _AFTER_TIMES
    if last == "etc":
        return not following[:1].islower()
    if last in _ENTITIES or re.fullmatch(r"[^\W\d_](?:\.[^\W\d_])*", last):
        return following[:1].isupper() and following.lower() in _OPENERS
    return True
