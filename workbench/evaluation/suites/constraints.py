"""Checks that an answer passes or not, by their kinds; no judgement and no download.

Most follow IFEval (Zhou et al. 2023, arXiv 2311.07911), as does reading an answer loosely.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, ValidationError, validate_call

from workbench.evaluation.suites import document_checks, format_checks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic_core import ErrorDetails

CONSTRAINTS: dict[str, Callable[..., bool]] = {
    check.__name__: check
    for check in (
        format_checks.bullets,
        format_checks.numbered,
        format_checks.sentences,
        format_checks.words,
        format_checks.lines,
        format_checks.paragraphs,
        format_checks.lowercase,
        format_checks.uppercase,
        format_checks.title_case,
        format_checks.no_commas,
        format_checks.without,
        format_checks.contains,
        format_checks.starts_with,
        format_checks.ends_with,
        format_checks.quoted,
        format_checks.title,
        format_checks.postscript,
        format_checks.highlight,
        format_checks.one_of,
        format_checks.letter,
        document_checks.json,
        document_checks.csv,
        document_checks.table,
        document_checks.yaml,
        document_checks.xml,
    )
}


def problem_of(constraint: Mapping[str, Any]) -> str:
    """What is wrong with a constraint as it is written; empty where nothing is."""
    kind = constraint.get("kind")
    if kind is None:
        return "a constraint needs a 'kind'"
    if kind not in CONSTRAINTS:
        near = get_close_matches(str(kind), CONSTRAINTS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(CONSTRAINTS)}"
        return f"unknown constraint {kind!r}; {hint}"
    try:
        _checked(kind)("-", **_arguments(constraint))
    except ValidationError as error:
        return f"constraint {kind!r} {'; '.join(map(_told, error.errors(include_url=False)))}"
    return ""


def passes(answer: str, constraint: Mapping[str, Any]) -> bool:
    """Whether the answer as it stands passes; a blank one passes nothing."""
    return bool(answer.strip()) and CONSTRAINTS[constraint["kind"]](
        answer, **_arguments(constraint)
    )


def passes_loosely(answer: str, constraint: Mapping[str, Any]) -> bool:
    """Whether it passes without a first line, a last line, asterisks, or any of these."""
    lines = answer.strip().split("\n")
    variants = (lines, lines[1:], lines[:-1], lines[1:-1])
    texts = ["\n".join(variant).strip() for variant in variants]
    texts += [text.replace("*", "") for text in texts]
    return any(passes(text, constraint) for text in texts)


@cache
def _checked(kind: str) -> Callable[..., bool]:
    return validate_call(config=ConfigDict(strict=True))(CONSTRAINTS[kind])


def _arguments(constraint: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in constraint.items() if name != "kind"}


def _told(details: ErrorDetails) -> str:
    name = details["loc"][0]
    match details["type"]:
        case "missing_argument":
            return f"needs {name!r}"
        case "unexpected_keyword_argument":
            return f"takes no {name!r}"
        case _:
            return f"has a wrong {name!r}: {details['msg'][:1].lower()}{details['msg'][1:]}"
