"""Whether an answer matches a pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from workbench.evaluation.suites.items import Outcome
from workbench.evaluation.suites.scorer import AnswerScorer, need_answers, unfit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.suites.items import Item

_SECONDS = 2.0
"""Longest search for one pattern: one that backtracks without end must not hold up a run."""


class RegexScorer(AnswerScorer):
    """Right where any of the patterns is found in the answer; ``(?i)`` makes case free."""

    kind: Literal["regex"] = "regex"

    def check(self, item: Item) -> None:
        """Refuse an item without patterns, or with one that is none."""
        import regex

        need_answers(item)
        for pattern in item.answers:
            try:
                regex.compile(pattern)
            except regex.error as error:
                raise unfit(item, f"the pattern {pattern!r} is wrong: {error}") from error

    def grade(self, item: Item, answers: Sequence[str]) -> Outcome:
        """Search for each pattern; a search that takes too long finds nothing and says so."""
        import regex

        try:
            found = any(
                regex.search(pattern, answers[0], timeout=_SECONDS) for pattern in item.answers
            )
        except TimeoutError:
            return Outcome(score=0, answer=answers[0], label="pattern took too long")
        return Outcome(score=found, answer=answers[0])
