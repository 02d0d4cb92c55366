"""Scorer: whether an answer is a right text and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from workbench.evaluation.suites.items import Outcome
from workbench.evaluation.suites.scorer import AnswerScorer, require_answers
from workbench.evaluation.suites.text_normalisation import strip_punctuation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.suites.items import Item


class ExactScorer(AnswerScorer):
    """Right if the answer equals one of the texts; case and surrounding punctuation are ignored."""

    kind: Literal["exact"] = "exact"

    def check(self, item: Item) -> None:
        """Reject an item without answers."""
        require_answers(item)

    def grade(self, item: Item, answers: Sequence[str]) -> Outcome:
        """Compare the whole answer."""
        right = strip_punctuation(answers[0]) in map(strip_punctuation, item.answers)
        return Outcome(score=right, answer=answers[0])
