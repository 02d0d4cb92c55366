"""Whether an answer is the right text and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from workbench.evaluation.suites.items import Outcome
from workbench.evaluation.suites.scorer import AnswerScorer, need_answers
from workbench.evaluation.suites.text_normalisation import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.suites.items import Item


class ExactScorer(AnswerScorer):
    """Right where the answer is one of the texts; case, spaces and marks at the ends are free."""

    kind: Literal["exact"] = "exact"

    def check(self, item: Item) -> None:
        """Refuse an item without answers."""
        need_answers(item)

    def grade(self, item: Item, answers: Sequence[str]) -> Outcome:
        """Compare the whole answer."""
        return Outcome(score=plain(answers[0]) in map(plain, item.answers), answer=answers[0])
