"""Scorer: whether an answer contains a right text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from workbench.evaluation.suites.items import Outcome
from workbench.evaluation.suites.scorer import AnswerScorer, require_answers
from workbench.evaluation.suites.text_normalisation import contains_phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.suites.items import Item


class ContainsScorer(AnswerScorer):
    """Right if the answer contains any of the texts as whole words, ignoring case."""

    kind: Literal["contains"] = "contains"

    def check(self, item: Item) -> None:
        """Reject an item without answers."""
        require_answers(item)

    def grade(self, item: Item, answers: Sequence[str]) -> Outcome:
        """Look for each text."""
        right = any(contains_phrase(answers[0], text) for text in item.answers)
        return Outcome(score=right, answer=answers[0])
