"""Scorer: whether the last number of an answer is right."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from workbench.evaluation.suites.items import Outcome
from workbench.evaluation.suites.scorer import AnswerScorer, item_error, require_answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.suites.items import Item

_NUMBER = re.compile(
    r"(?P<sign>(?<![^\W_])(?<![)\]}])[-\u2212](?=[$\u00a3\u20ac]?[\d.]))?"  # no sign in 7-3
    r"[$\u00a3\u20ac]?"
    r"(?P<digits>(?<![^\W_])(?<!\^)(?<!\^\{)"  # none in B12 or m^2
    r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+))"
)


class NumberScorer(AnswerScorer):
    """Right if the last number in the answer equals a right one: ``1,000.0`` is ``1000``.

    The answer may be worked out aloud, as long as it ends with the result.
    """

    kind: Literal["number"] = "number"

    def check(self, item: Item) -> None:
        """Reject an item without answers, or with one that is not a number."""
        require_answers(item)
        for answer in item.answers:
            if not _NUMBER.fullmatch(answer.strip()):
                raise item_error(item, f"the answer {answer!r} is not a number")

    def grade(self, item: Item, answers: Sequence[str]) -> Outcome:
        """Compare the last number; an answer without one is wrong."""
        number = last_number(answers[0])
        right = number is not None and number in map(last_number, item.answers)
        return Outcome(score=right, answer=answers[0])


def last_number(text: str) -> Decimal | None:
    """The last number in a text; None if there is none."""
    last = None
    for last in _NUMBER.finditer(text):  # noqa: B007 - the last is wanted
        pass
    if last is None:
        return None
    size = Decimal(last["digits"].replace(",", ""))
    return size.copy_negate() if last["sign"] else size
