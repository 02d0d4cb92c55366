"""How narrow a dataset is: whether its answers begin alike, say alike, or repeat themselves."""

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
"""Rows that are looked at: the first ones."""
_OPEN = 6.0
"""Bits of the first word where answers begin freely (a few hundred general answers: 6.2)."""
_PROSE, _COPIES = 0.45, 0.15
"""Compression ratios by zlib of varied short answers (general ones: .49) and of near copies."""


class Narrowness(BaseModel):
    """What was found in the first rows of a dataset.

    Attributes:
        rows: How many were looked at.
        first_word_bits: Entropy of the answers' first words.
        compression: Size of all answers after zlib over their size before.
        repeated: Share of answers that repeat an earlier one word for word.
    """

    model_config = ConfigDict(frozen=True)

    rows: int
    first_word_bits: float
    compression: float
    repeated: float

    @property
    def index(self) -> float:
        """0 for answers as varied as general ones, towards 1 where they say one thing.

        Beginning alike, compressing well and repeating each take away a share of what the others
        leave: 1 - (1 - a)(1 - b)(1 - c).
        """
        reference = min(_OPEN, math.log2(self.rows)) if self.rows > 1 else 0.0
        alike = _clipped(1 - self.first_word_bits / reference) if reference else 0.0
        similar = _clipped((_PROSE - self.compression) / (_PROSE - _COPIES))
        return 1 - (1 - alike) * (1 - similar) * (1 - self.repeated)


def narrowness_of(examples: Sequence[Example]) -> Narrowness:
    """Look at the answers, or the texts, of the first rows; remembered for equal ones."""
    return _narrowness(tuple(_taught(example) for example in islice(examples, _ROWS)))


@lru_cache(maxsize=8)
def _narrowness(answers: tuple[str, ...]) -> Narrowness:
    whole = "\n".join(answers).encode("utf-8", "surrogatepass")
    return Narrowness(
        rows=len(answers),
        first_word_bits=_entropy(_first_word(answer) for answer in answers),
        compression=len(zlib.compress(whole)) / max(1, len(whole)),
        repeated=1 - len(set(answers)) / max(1, len(answers)),
    )


def _taught(example: Example) -> str:
    if example.text is not None:
        return example.text
    return "\n".join(turn.content for turn in example.messages if turn.role == "assistant")


def _first_word(answer: str) -> str:
    return next(iter(answer.casefold().split(maxsplit=1)), "")


def _entropy(words: Iterable[str]) -> float:
    """Shannon entropy in bits."""
    counts = Counter(words)
    every = counts.total()
    return sum(count / every * math.log2(every / count) for count in counts.values())


def _clipped(share: float) -> float:
    return max(0.0, min(1.0, share))
