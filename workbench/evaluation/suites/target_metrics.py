"""Scores of answers to held-out rows of the target task."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workbench.evaluation.suites.text_normalisation import contains_phrase, strip_punctuation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.recipe.evaluation import TargetMetric

_WORD = re.compile(r"\w+")


def score(metric: TargetMetric, answer: str, reference: str) -> float:
    """Score an answer against the reference, 0 to 1; case is ignored.

    ``contains``: the answer contains the reference as whole words; ``exact``: they are equal but
    for surrounding spaces, quotes and punctuation; ``rouge_l``: see :func:`rouge_l`.
    """
    match metric:
        case "rouge_l":
            return rouge_l(answer, reference)
        case "exact":
            return float(strip_punctuation(answer) == strip_punctuation(reference))
        case _:
            return float(contains_phrase(answer, reference))


def rouge_l(answer: str, reference: str) -> float:
    """ROUGE-L: F1 of the longest common subsequence of words (Lin 2004, section 3), 0 to 1."""
    answered, wanted = (_WORD.findall(text.casefold()) for text in (answer, reference))
    common = _longest_common_subsequence(answered, wanted)
    return 2 * common / (len(answered) + len(wanted)) if common else 0.0


def _longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Its length, by dynamic programming over one row of the table."""
    lengths = [0] * (len(second) + 1)
    for word in first:
        above_left = 0
        for column, other in enumerate(second, 1):
            above = lengths[column]
            lengths[column] = above_left + 1 if word == other else max(above, lengths[column - 1])
            above_left = above
    return lengths[-1]
