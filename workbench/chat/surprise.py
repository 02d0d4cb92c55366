"""Where two lanes part: the tokens of an answer on a calm scale, and the worst of them named."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.chat.protocol import Piece

Measure = Literal["surprise", "divergence"]


@dataclass(frozen=True)
class Scale:
    """What is measured at each token, and where its steps begin.

    Attributes:
        measure: The field of a piece.
        title: For people, in a word or two.
        steps: The value from which each step counts, in nats, rising; below the first is step 0.
    """

    measure: Measure
    title: str
    steps: tuple[float, ...]

    def value(self, piece: Piece) -> float:
        """What was measured at a token, in nats."""
        found: float = getattr(piece, self.measure)
        return found

    def step(self, piece: Piece) -> int:
        """The step of a token, 0 for one that both lanes expect."""
        return bisect_right(self.steps, self.value(piece))


SURPRISE = Scale("surprise", "surprise of the base", (1.0, 3.0, 6.0))
"""Of the tuned lane's answer: three nats are a word that the base says one time in twenty."""

DIVERGENCE = Scale("divergence", "KL to the tuned model", (1.0, 3.0, 6.0))
"""Of the base's answer: what the other lane would rather have said."""

SCALES = {"base": DIVERGENCE}
"""The base's answer is measured by divergence, all others by :data:`SURPRISE`."""


class Stretch(NamedTuple):
    """Tokens in a row on the same step."""

    text: str
    step: int


class Parting(NamedTuple):
    """The token at which the lanes differ most.

    Attributes:
        text: The token, or the character where it is a part of one; empty where the lanes part at
            the end of the answer only.
        value: In nats.
    """

    text: str
    value: float


def stretches(pieces: Sequence[Piece], scale: Scale) -> tuple[Stretch, ...]:
    """The answer in as few pieces as the scale allows."""
    steps = [(piece.text, scale.step(piece)) for piece in pieces]
    return tuple(
        Stretch("".join(text for text, _ in group), step)
        for step, group in groupby(steps, key=lambda pair: pair[1])
    )


def parting(pieces: Sequence[Piece], scale: Scale) -> Parting | None:
    """The worst token, None where no token reaches the first step."""
    found = [
        Parting(_text_from(pieces, place), scale.value(piece))
        for place, piece in enumerate(pieces)
        if scale.step(piece)
    ]
    return max(found, key=lambda each: (bool(each.text), each.value), default=None)


def _text_from(pieces: Sequence[Piece], place: int) -> str:
    """The first text from a token on: its own, unless it is a part of a character or the end."""
    return next((piece.text for piece in pieces[place:] if piece.text), "")
