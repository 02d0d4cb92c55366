"""Scoring answers to held-out rows of the target task."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.recipe.evaluation import TargetMetric

_WORD = re.compile(r"\w+")
_EDGES = re.compile(r"^\W+|\W+$")


def score(metric: TargetMetric, answer: str, reference: str) -> float:
    """Score an answer against the right one, 0 to 1; case never counts.

    ``contains``: the right answer stands in it; ``exact``: they are equal but for spaces and
    punctuation around them; ``rouge_l``: see :func:`rouge_l`.
    """
    match metric:
        case "rouge_l":
            return rouge_l(answer, reference)
        case "exact":
            return float(_bare(answer) == _bare(reference))
        case _:
            return float(reference.casefold() in answer.casefold())


def rouge_l(answer: str, reference: str) -> float:
    """F1 of the longest common subsequence of words (Lin 2004, section 3), 0 to 1."""
    words, wanted = (_WORD.findall(text.casefold()) for text in (answer, reference))
    common = _longest_common_subsequence(words, wanted)
    return 2 * common / (len(words) + len(wanted)) if common else 0.0


def _longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    lengths = [0] * (len(second) + 1)
    for word in first:
        above_left = 0
        for place, other in enumerate(second, 1):
            above = lengths[place]
            lengths[place] = above_left + 1 if word == other else max(above, lengths[place - 1])
            above_left = above
    return lengths[-1]


def _bare(text: str) -> str:
    return _EDGES.sub("", text.casefold())
