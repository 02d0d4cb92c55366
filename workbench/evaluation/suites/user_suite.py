"""The user's own suite: questions added from a chat, asked in every run from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.core import files, locations
from workbench.core.errors import BadInputError
from workbench.evaluation.suites.items import Item
from workbench.evaluation.suites.scorer import AnswerScorer
from workbench.evaluation.suites.suite_files import SuiteFile, read_items, read_suite_file
from workbench.evaluation.suites.text_normalisation import contains_phrase, fold, words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAME = "mine"
"""Name of the suite among the suites of a run."""

NEW_TOKENS = 256
"""Longest answer, in tokens: that of a chat, where the right answers come from."""

_TEMPLATE = f"""\
title: Your own probes
description: Questions that you took over from the split chat.
measures: information  # never judged; behaviour or knowledge would be, but need about 100 items
scorer: contains
items: {NAME}.jsonl
new_tokens: {NEW_TOKENS}
"""
_MIN_WORD = 4
_SUGGESTIONS = 3


def user_suite_path() -> Path:
    """The YAML of the user's suite, which may not exist yet."""
    return locations.own_probes() / f"{NAME}.yaml"


def key_phrases(prompt: str, answer: str, other: str) -> tuple[str, ...]:
    """Suggest what makes an answer right: words that tell it from ``other``, longest first.

    Args:
        prompt: The question; its words say nothing about the answer.
        answer: The right answer.
        other: An answer from which it should be told apart.
    """
    candidates = {fold(word): word for word in words(answer) if _is_distinctive(word)}
    not_in_prompt = [word for word in candidates.values() if not contains_phrase(prompt, word)]
    not_in_other = [word for word in not_in_prompt if not contains_phrase(other, word)]
    return tuple(sorted(not_in_other or not_in_prompt, key=len, reverse=True)[:_SUGGESTIONS])


def passes(phrases: Sequence[str], answer: str) -> bool:
    """Whether the user's suite would score ``answer`` as right.

    Raises:
        BadInputError: The suite is broken, or its scorer cannot use these phrases.
    """
    return _passes(_answer_scorer(_read_settings()), _make_item("probe", "?", phrases), answer)


def add_probe(prompt: str, phrases: Sequence[str], answer: str) -> Item:
    """Add a question to every run from now on; any of ``phrases`` makes an answer right.

    Args:
        prompt: Asked alone, without the messages before it.
        phrases: What the suite's scorer compares answers with.
        answer: The base's answer, which must be right.

    Raises:
        BadInputError: The question is already in the suite, the base's answer would be wrong, or
            the suite is broken.
        MachineError: The suite cannot be written.
    """
    path, settings = user_suite_path(), _read_settings()
    scorer = _answer_scorer(settings)
    existing = _existing_items(settings)
    _refuse_duplicate(prompt, existing)
    item = _make_item(_unused_id(existing), prompt, phrases)
    if not _passes(scorer, item, answer):
        wanted = " or ".join(map(repr, phrases))
        raise BadInputError(f"the base's own answer would be wrong: it does not contain {wanted}")
    line = item.model_dump_json(include={"id", "prompt", "size", "answers"})
    files.append_line(_items_file(settings), line)
    if not path.exists():
        files.write_atomic(path, _TEMPLATE)
    return item


def _is_distinctive(word: str) -> bool:
    return len(word) >= _MIN_WORD or not word.islower()


def _read_settings() -> SuiteFile:
    """The suite's YAML, or the settings it will be created with."""
    path = user_suite_path()
    if path.exists():
        return read_suite_file(path)
    return SuiteFile.model_validate(
        {"measures": "information", "scorer": {"kind": "contains"}, "items": f"{NAME}.jsonl"}
    )


def _existing_items(settings: SuiteFile) -> tuple[Item, ...]:
    if not _items_file(settings).exists():
        return ()
    read = read_items(settings, user_suite_path().parent)
    if read.faults:
        first = read.faults[0]
        raise BadInputError(f"{read.source}: {read.unit} {first.number}: {first.reason}")
    return read.items


def _items_file(settings: SuiteFile) -> Path:
    """The file that items can be added to."""
    path = user_suite_path().parent / settings.items
    if path.suffix != ".jsonl" or settings.fields:
        raise BadInputError(
            f"{user_suite_path()}: items cannot be added to {settings.items!r}; "
            f"set 'items: {NAME}.jsonl' without 'fields'"
        )
    return path


def _make_item(name: str, prompt: str, phrases: Sequence[str]) -> Item:
    return Item(id=name, prompt=prompt, answers=tuple(phrases), size="quick")


def _answer_scorer(settings: SuiteFile) -> AnswerScorer:
    if isinstance(settings.scorer, AnswerScorer):
        return settings.scorer
    raise BadInputError(
        f"{user_suite_path()}: its scorer {settings.scorer.kind} does not score answers in words; "
        "set 'scorer: contains'"
    )


def _passes(scorer: AnswerScorer, item: Item, answer: str) -> bool:
    scorer.check(item)
    return scorer.grade(item, [answer]).score > 0


def _refuse_duplicate(prompt: str, existing: Sequence[Item]) -> None:
    same = next((item for item in existing if fold(item.prompt) == fold(prompt)), None)
    if same:
        answers = " | ".join(same.answers)
        raise BadInputError(f"your suite already has this question: {same.id}, answer {answers}")


def _unused_id(existing: Sequence[Item]) -> str:
    taken = {item.id for item in existing}
    number = len(taken) + 1
    while f"own-{number}" in taken:
        number += 1
    return f"own-{number}"
