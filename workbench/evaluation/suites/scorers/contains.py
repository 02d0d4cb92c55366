"""Whether an answer mentions what is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from workbench.evaluation.suites.items import Outcome
from workbench.evaluation.suites.scorer import AnswerScorer, need_answers
from workbench.evaluation.suites.text_normalisation import mentions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.suites.items import Item


class ContainsScorer(AnswerScorer):
    """Right where any of the texts stands in the answer as whole words, whatever the case."""

    kind: Literal["contains"] = "contains"

    def check(self, item: Item) -> None:
        """Refuse an item without answers."""
        need_answers(item)

    def grade(self, item: Item, answers: Sequence[str]) -> Outcome:
        """Look for each text."""
        found = any(mentions(answers[0], right) for right in item.answers)
        return Outcome(score=found, answer=answers[0])
