"""How narrow a dataset is: whether its answers begin alike, read alike or are repeated."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workbench.data.formats import Example

_ROWS = 2000
"""Rows that are examined, from the first."""
_CHARACTERS = 20_000
"""Characters of an answer that are examined, from the first."""
_VARIED_BITS = 6.0
"""Entropy of the first word of varied answers; a few hundred general answers have 6.2 bits."""
_VARIED_COMPRESSION, _COPIES_COMPRESSION = 0.45, 0.15
"""Compression ratios by zlib of varied short answers (general ones have .49), and of copies."""


class Narrowness(BaseModel):
    """How alike the answers in the first rows of a dataset are.

    Attributes:
        rows: Rows examined.
        first_word_bits: Entropy of the answers' first words, in bits.
        compression: Size of all answers compressed by zlib, over their size.
        repeated: Share of answers that are equal to an earlier one.
    """

    model_config = ConfigDict(frozen=True)

    rows: int
    first_word_bits: float
    compression: float
    repeated: float

    @property
    def index(self) -> float:
        """From 0, for answers as varied as general ones, to 1, where all say one thing.

        With a for alike beginnings, b for good compression and c for repeated answers, each 0 to 1:
        1 - (1 - a)(1 - b)(1 - c).
        """
        most_bits = min(_VARIED_BITS, math.log2(self.rows)) if self.rows > 1 else 0.0
        alike = _clip(1 - self.first_word_bits / most_bits) if most_bits else 0.0
        similar = _clip(
            (_VARIED_COMPRESSION - self.compression) / (_VARIED_COMPRESSION - _COPIES_COMPRESSION)
        )
        return 1 - (1 - alike) * (1 - similar) * (1 - self.repeated)


def narrowness_of(examples: Sequence[Example]) -> Narrowness:
    """Examine the answers, or the texts, of the first rows; the result is cached."""
    return _narrowness(tuple(_learned_text(example) for example in islice(examples, _ROWS)))


@lru_cache(maxsize=8)
def _narrowness(answers: tuple[str, ...]) -> Narrowness:
    joined = "\n".join(answers).encode("utf-8", "surrogatepass")
    return Narrowness(
        rows=len(answers),
        first_word_bits=_entropy(_first_word(answer) for answer in answers),
        compression=len(zlib.compress(joined)) / max(1, len(joined)),
        repeated=1 - len(set(answers)) / max(1, len(answers)),
    )


def _learned_text(example: Example) -> str:
    """What is learned of a row, up to :data:`_CHARACTERS`; of a row in tokens that is nothing."""
    if example.text is not None:
        return example.text[:_CHARACTERS]
    answers = [turn.content for turn in example.messages if turn.role == "assistant"]
    return "\n".join([*answers, *(part.text for part in example.pieces if part.trained)])[
        :_CHARACTERS
    ]


def _first_word(answer: str) -> str:
    return next(iter(answer.casefold().split(maxsplit=1)), "")


def _entropy(words: Iterable[str]) -> float:
    """Shannon entropy in bits: the sum of p · log2(1 / p) over all words."""
    counts = Counter(words)
    total = counts.total()
    return sum(count / total * math.log2(total / count) for count in counts.values())


def _clip(share: float) -> float:
    return max(0.0, min(1.0, share))
