"""The user's own suite: questions taken over from a chat, asked in every run from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.core import files, locations
from workbench.core.errors import BadInputError
from workbench.evaluation.suites.items import Item
from workbench.evaluation.suites.scorer import AnswerScorer
from workbench.evaluation.suites.suite_files import SuiteFile, read_items, read_suite_file
from workbench.evaluation.suites.text_normalisation import folded, mentions, words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAME = "mine"
"""What the suite is called among the suites of a run."""

NEW_TOKENS = 256
"""Longest answer, in tokens: as long as a chat's usual one, from which the right answers come."""

_SETTINGS = f"""\
title: Your own probes
description: Questions that you took over from the split chat.
measures: information  # never judged; behaviour or knowledge would be, but need about 100 items
scorer: contains
items: {NAME}.jsonl
new_tokens: {NEW_TOKENS}
"""
_SHORTEST = 4
_OFFERED = 3


def own_suite() -> Path:
    """The YAML of the user's suite, which need not exist."""
    return locations.own_probes() / f"{NAME}.yaml"


def key_phrases(prompt: str, answer: str, other: str) -> tuple[str, ...]:
    """Words that tell ``answer`` from ``other``, the longest first: a first guess at what is right.

    Args:
        prompt: The question; a word of it says nothing about the answer.
        answer: The one that is right.
        other: Another answer, from which it should be told.
    """
    found = {folded(word): word for word in words(answer) if _tells(word)}
    asked = [word for word in found.values() if not mentions(prompt, word)]
    telling = [word for word in asked if not mentions(other, word)]
    return tuple(sorted(telling or asked, key=len, reverse=True)[:_OFFERED])


def passes(phrases: Sequence[str], answer: str) -> bool:
    """Whether the user's suite would call ``answer`` right.

    Raises:
        BadInputError: The suite is broken, or cannot ask for these phrases.
    """
    return _passes(_scorer(_settings()), _item("probe", "?", phrases), answer)


def add_probe(prompt: str, phrases: Sequence[str], answer: str) -> Item:
    """Ask ``prompt`` in every run from now on; right is an answer with any of ``phrases``.

    Args:
        prompt: Asked alone, without what was said before it.
        phrases: What the suite's scorer compares answers with.
        answer: The base's, which must be right.

    Raises:
        BadInputError: It is asked already, the base's answer would be wrong, or the suite is
            broken.
        MachineError: The suite cannot be written.
    """
    path, file = own_suite(), _settings()
    scorer = _scorer(file)
    there = read_items(file, path.parent) if _items(file).exists() else None
    if there and there.faults:
        first = there.faults[0]
        raise BadInputError(f"{there.source}: {there.unit} {first.number}: {first.what}")
    known = there.items if there else ()
    _refuse_known(prompt, known)
    item = _item(_free_id(known), prompt, phrases)
    if not _passes(scorer, item, answer):
        told = " or ".join(map(repr, phrases))
        raise BadInputError(f"the base's own answer would be wrong: it does not have {told}")
    asked = item.model_dump_json(include={"id", "prompt", "size", "answers"})
    files.append_line(_items(file), asked)
    if not path.exists():
        files.write_atomic(path, _SETTINGS)
    return item


def _tells(word: str) -> bool:
    return len(word) >= _SHORTEST or not word.islower()


def _settings() -> SuiteFile:
    """What the suite's YAML says, or will say."""
    path = own_suite()
    if path.exists():
        return read_suite_file(path)
    return SuiteFile.model_validate(
        {"measures": "information", "scorer": {"kind": "contains"}, "items": f"{NAME}.jsonl"}
    )


def _items(file: SuiteFile) -> Path:
    """Where items can be added."""
    path = own_suite().parent / file.items
    if path.suffix != ".jsonl" or file.fields:
        raise BadInputError(
            f"{own_suite()}: its items are {file.items!r}, to which nothing can be added; "
            f"write 'items: {NAME}.jsonl' without 'fields' there"
        )
    return path


def _item(name: str, prompt: str, phrases: Sequence[str]) -> Item:
    return Item(id=name, prompt=prompt, answers=tuple(phrases), size="quick")


def _scorer(file: SuiteFile) -> AnswerScorer:
    if isinstance(file.scorer, AnswerScorer):
        return file.scorer
    raise BadInputError(
        f"{own_suite()}: its scorer is {file.scorer.kind}, which scores no answer in words; "
        "write 'scorer: contains' there"
    )


def _passes(scorer: AnswerScorer, item: Item, answer: str) -> bool:
    scorer.check(item)
    return scorer.grade(item, [answer]).score > 0


def _refuse_known(prompt: str, known: Sequence[Item]) -> None:
    same = next((item for item in known if folded(item.prompt) == folded(prompt)), None)
    if same:
        right = " | ".join(same.answers)
        raise BadInputError(f"your suite asks this already: {same.id}, right with {right}")


def _free_id(known: Sequence[Item]) -> str:
    taken = {item.id for item in known}
    number = len(taken) + 1
    while f"own-{number}" in taken:
        number += 1
    return f"own-{number}"
