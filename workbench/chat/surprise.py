"""Token scores on a scale of a few steps, and the token at which two lanes differ most."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal, NamedTuple

from workbench.chat.titles import BASE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.chat.protocol import TokenScore

Measure = Literal["surprise", "divergence"]


@dataclass(frozen=True)
class Scale:
    """A measure of tokens, divided into steps.

    Attributes:
        measure: The field of a :class:`TokenScore`.
        title: For people, in a few words.
        steps: The value at which each step begins, in nats, rising; below the first is step 0.
    """

    measure: Measure
    title: str
    steps: tuple[float, ...]

    def value(self, score: TokenScore) -> float:
        """The measure of a token, in nats."""
        return score.surprise if self.measure == "surprise" else score.divergence

    def step(self, score: TokenScore) -> int:
        """The step of a token, 0 for one that both lanes expect."""
        return bisect_right(self.steps, self.value(score))


SURPRISE = Scale("surprise", "surprise of the base", (1.0, 3.0, 6.0))
"""For a tuned lane's answer: at 3 nats the base finds a token twenty times less likely."""

DIVERGENCE = Scale("divergence", "KL to the tuned model", (1.0, 3.0, 6.0))
"""For the base's answer: how far the tuned lane's next-token distribution is from the base's."""


def scale_of(lane: str) -> Scale:
    """The scale for the answers of a lane."""
    return DIVERGENCE if lane == BASE else SURPRISE


class Segment(NamedTuple):
    """Consecutive tokens on the same step."""

    text: str
    step: int


class Peak(NamedTuple):
    """The token at which the lanes differ most.

    Attributes:
        text: The token, or the whole character of which it is a part; empty where the lanes
            differ only at the end of the answer.
        value: In nats.
    """

    text: str
    value: float


def segments(scores: Sequence[TokenScore], scale: Scale) -> tuple[Segment, ...]:
    """Split an answer where the step changes."""
    steps = [(score.text, scale.step(score)) for score in scores]
    return tuple(
        Segment("".join(text for text, _ in group), step)
        for step, group in groupby(steps, key=lambda pair: pair[1])
    )


def peak(scores: Sequence[TokenScore], scale: Scale) -> Peak | None:
    """The token with the highest value; None where no token reaches the first step."""
    candidates = [
        Peak(_first_text(scores[place:]), scale.value(score))
        for place, score in enumerate(scores)
        if scale.step(score)
    ]
    return max(candidates, key=lambda it: (bool(it.text), it.value), default=None)


def _first_text(scores: Sequence[TokenScore]) -> str:
    """The first token's text, or that of the token which completes its character."""
    return next((score.text for score in scores if score.text), "")
