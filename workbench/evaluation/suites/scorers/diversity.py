"""Scorer: how much a model's answers to one prompt differ."""

from __future__ import annotations

import zlib
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.evaluation.suites.items import Outcome
from workbench.evaluation.suites.scorer import AnswerScorer
from workbench.evaluation.suites.text_normalisation import fold, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.suites.items import Item


class DiversityScorer(AnswerScorer):
    """Distinct-2 of eight sampled answers: distinct word pairs over all word pairs.

    ``numbers`` holds how many answers are ``unique`` and their ``compression`` ratio, which rises
    when a model repeats itself. Distinct-2: Li et al. 2016, arXiv 1510.03055.
    """

    kind: Literal["diversity"] = "diversity"
    samples: ClassVar[int] = 8

    def check(self, item: Item) -> None:
        """Accept any prompt."""

    def grade(self, item: Item, answers: Sequence[str]) -> Outcome:
        """Count over all answers together."""
        del item
        numbers = {
            "unique": float(len(set(map(fold, answers)))),
            "compression": compression_ratio("\n".join(answers)),
        }
        return Outcome(score=distinct_2(answers), answer=answers[0], numbers=numbers)


def distinct_2(texts: Sequence[str]) -> float:
    """Distinct pairs of neighbouring words over all such pairs; 0 if there are none."""
    pairs = [pair for text in texts for pair in pairwise(words(fold(text)))]
    return len(set(pairs)) / len(pairs) if pairs else 0.0


def compression_ratio(text: str) -> float:
    """Bytes of a text over its deflated bytes; the more repetition, the higher."""
    data = text.encode()
    return len(data) / len(zlib.compress(data, 9))
