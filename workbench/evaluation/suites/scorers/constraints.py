"""Scorer: how many checks on its form an answer passes."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, ValidationError, validate_call

from workbench.evaluation.suites.format_checks import CONSTRAINTS
from workbench.evaluation.suites.items import Outcome
from workbench.evaluation.suites.scorer import AnswerScorer, item_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic_core import ErrorDetails

    from workbench.evaluation.suites.items import Item


class ConstraintsScorer(AnswerScorer):
    """Right if the answer passes every constraint.

    The label is ``strict``, ``loose`` (see :func:`passes_loosely`) or ``failed``. ``numbers`` holds
    ``loose`` and, over the single instructions, the shares that pass: together with the score the
    four accuracies of IFEval (Zhou et al. 2023, arXiv 2311.07911).
    """

    kind: Literal["constraints"] = "constraints"

    def check(self, item: Item) -> None:
        """Reject an item without constraints, or with an unknown or invalid one."""
        if not item.constraints:
            raise item_error(item, "no constraints; give at least one under 'constraints'")
        for problem in filter(None, map(constraint_problem, item.constraints)):
            raise item_error(item, problem)

    def grade(self, item: Item, answers: Sequence[str]) -> Outcome:
        """Check each constraint strictly and loosely."""
        answer = answers[0]
        strict = [passes(answer, constraint) for constraint in item.constraints]
        loose = [passes_loosely(answer, constraint) for constraint in item.constraints]
        return Outcome(
            score=all(strict),
            answer=answer,
            label="strict" if all(strict) else "loose" if all(loose) else "failed",
            numbers={
                "loose": all(loose),
                "instructions": sum(strict) / len(strict),
                "instructions_loose": sum(loose) / len(loose),
            },
        )


def constraint_problem(constraint: Mapping[str, Any]) -> str:
    """What is wrong with a constraint of an item; empty if nothing is."""
    kind = constraint.get("kind")
    if kind is None:
        return "a constraint needs a 'kind'"
    if kind not in CONSTRAINTS:
        near = get_close_matches(str(kind), CONSTRAINTS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(CONSTRAINTS)}"
        return f"unknown constraint {kind!r}; {hint}"
    try:
        _validating(kind)("-", **_arguments(constraint))
    except ValidationError as error:
        problems = map(_argument_problem, error.errors(include_url=False))
        return f"constraint {kind!r} {'; '.join(problems)}"
    return ""


def passes(answer: str, constraint: Mapping[str, Any]) -> bool:
    """Whether the answer as written passes; a blank answer passes nothing."""
    return bool(answer.strip()) and CONSTRAINTS[constraint["kind"]](
        answer, **_arguments(constraint)
    )


def passes_loosely(answer: str, constraint: Mapping[str, Any]) -> bool:
    """Whether it passes in any of IFEval's variants.

    They leave out the first line, the last line, both or neither, each with and without asterisks.
    """
    lines = answer.strip().split("\n")
    variants = (lines, lines[1:], lines[:-1], lines[1:-1])
    texts = ["\n".join(variant).strip() for variant in variants]
    texts += [text.replace("*", "") for text in texts]
    return any(passes(text, constraint) for text in texts)


@cache
def _validating(kind: str) -> Callable[..., bool]:
    """The check of that name, with its arguments validated by pydantic."""
    return validate_call(config=ConfigDict(strict=True))(CONSTRAINTS[kind])


def _arguments(constraint: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in constraint.items() if name != "kind"}


def _argument_problem(details: ErrorDetails) -> str:
    name = details["loc"][0]
    match details["type"]:
        case "missing_argument":
            return f"needs {name!r}"
        case "unexpected_keyword_argument":
            return f"takes no {name!r}"
        case _:
            return f"has an invalid {name!r}: {details['msg'][:1].lower()}{details['msg'][1:]}"
