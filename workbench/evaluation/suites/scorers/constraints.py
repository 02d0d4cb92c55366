"""How many of the checks on its form an answer passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from workbench.evaluation.suites.constraints import passes, passes_loosely, problem_of
from workbench.evaluation.suites.items import Outcome
from workbench.evaluation.suites.scorer import AnswerScorer, unfit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.suites.items import Item


class ConstraintsScorer(AnswerScorer):
    """Right where the answer as it stands passes every constraint.

    The label tells an answer that passes ``loose`` (see :func:`passes_loosely`) from a ``strict``
    and a ``failed`` one; ``numbers`` holds ``loose`` and, per instruction, the shares that pass,
    the four accuracies of IFEval.
    """

    kind: Literal["constraints"] = "constraints"

    def check(self, item: Item) -> None:
        """Refuse an item without constraints, or with an unknown or a wrong one."""
        if not item.constraints:
            raise unfit(item, "no constraints; give at least one under 'constraints'")
        for problem in filter(None, map(problem_of, item.constraints)):
            raise unfit(item, problem)

    def grade(self, item: Item, answers: Sequence[str]) -> Outcome:
        """Check each constraint, strictly and loosely."""
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
