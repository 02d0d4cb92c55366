"""Scorer: whether an answer matches a regular expression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from workbench.evaluation.suites.items import Outcome
from workbench.evaluation.suites.scorer import AnswerScorer, item_error, require_answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.suites.items import Item

_TIMEOUT = 2.0
"""Seconds per search, so that catastrophic backtracking cannot hang a run."""


class RegexScorer(AnswerScorer):
    """Right if any of the patterns is found in the answer; ``(?i)`` ignores case."""

    kind: Literal["regex"] = "regex"

    def check(self, item: Item) -> None:
        """Reject an item without patterns, or with an invalid one."""
        import regex

        require_answers(item)
        for pattern in item.answers:
            try:
                regex.compile(pattern)
            except regex.error as error:
                raise item_error(item, f"invalid pattern {pattern!r}: {error}") from error

    def grade(self, item: Item, answers: Sequence[str]) -> Outcome:
        """Search for each pattern; a search that takes too long counts as wrong and is labelled."""
        import regex

        try:
            right = any(
                regex.search(pattern, answers[0], timeout=_TIMEOUT) for pattern in item.answers
            )
        except TimeoutError:
            return Outcome(score=0, answer=answers[0], label="pattern took too long")
        return Outcome(score=right, answer=answers[0])
