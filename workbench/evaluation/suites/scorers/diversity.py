"""How different the answers are that a model gives to one prompt."""

from __future__ import annotations

import zlib
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.evaluation.suites.items import Outcome
from workbench.evaluation.suites.scorer import AnswerScorer
from workbench.evaluation.suites.text_normalisation import folded, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.suites.items import Item


class DiversityScorer(AnswerScorer):
    """Distinct-2 of eight sampled answers: different pairs of words over all pairs of words.

    ``numbers`` holds how many answers are ``unique`` and their ``compression`` ratio (bytes over
    deflated bytes), which rises when a model repeats itself. The source of distinct-2 is Li et al.
    2016, arXiv 1510.03055.
    """

    kind: Literal["diversity"] = "diversity"
    samples: ClassVar[int] = 8

    def check(self, item: Item) -> None:
        """Take any prompt."""

    def grade(self, item: Item, answers: Sequence[str]) -> Outcome:
        """Count over all answers together."""
        del item
        numbers = {
            "unique": float(len(set(map(folded, answers)))),
            "compression": compression_ratio("\n".join(answers)),
        }
        return Outcome(score=distinct_2(answers), answer=answers[0], numbers=numbers)


def distinct_2(texts: Sequence[str]) -> float:
    """Different pairs of neighbouring words over all such pairs; 0 where there are none."""
    pairs = [pair for text in texts for pair in pairwise(words(folded(text)))]
    return len(set(pairs)) / len(pairs) if pairs else 0.0


def compression_ratio(text: str) -> float:
    """Bytes of a text over its deflated bytes; the more it repeats itself the higher."""
    data = text.encode()
    return len(data) / len(zlib.compress(data, 9))
