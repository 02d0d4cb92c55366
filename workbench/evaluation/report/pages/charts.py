"""Geometry of the charts: where things lie, in the units of their drawing. Templates draw them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.evaluation.report.formatting import SCALES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.analysis.findings import Capability, Interval

WIDTH = 200.0
HEIGHT = 60.0
_ROOM = 1.15


@dataclass(frozen=True)
class Change:
    """A capability's change on an axis that all of them share; a fall lies to the left.

    Attributes:
        low: Left end of the interval, 0 to ``WIDTH``.
        high: Right end.
        value: The point.
        margin: The loss that is no longer called kept; None for what is not judged.
        zero: No change.
    """

    low: float
    high: float
    value: float
    margin: float | None
    zero: float


def changes(capabilities: Sequence[Capability]) -> list[Change]:
    """Place every capability on one axis, as wide as the widest of them needs."""
    left = _ROOM * max((max(each.margin, -each.low) for each in capabilities), default=1.0)
    right = _ROOM * max((max(each.margin, each.high) for each in capabilities), default=1.0)

    def place(value: float) -> float:
        return round(WIDTH * (value + left) / (left + right), 2)

    return [
        Change(
            low=place(each.low),
            high=place(each.high),
            value=place(each.change),
            margin=place(-each.margin) if each.verdict else None,
            zero=place(0.0),
        )
        for each in capabilities
    ]


@dataclass(frozen=True)
class Scale:
    """A measure on its verdict scale, from 0 at the left.

    Attributes:
        low: Left end of the interval, 0 to ``WIDTH``.
        high: Right end.
        value: The point.
        good: Where it is no longer good.
        bad: Where it is bad.
    """

    low: float
    high: float
    value: float
    good: float
    bad: float


def kl_scale(kl: Interval) -> Scale:
    """Place KL to base on general text; the root of it, for good and bad are a factor apart."""
    good, bad = SCALES["kl_general"]
    reach = _ROOM * max(kl.high, 2 * bad)

    def place(value: float) -> float:
        return round(WIDTH * math.sqrt(max(value, 0.0) / reach), 2)

    return Scale(place(kl.low), place(kl.high), place(kl.value), place(good), place(bad))


@dataclass(frozen=True)
class Curve:
    """KL to base over the steps of training.

    Attributes:
        line: Points of an SVG polyline, ``WIDTH`` by ``HEIGHT``.
        good: Height at which it is no longer good.
        bad: Height at which it is bad; negative where that lies above the drawing.
        steps: The last step.
        top: KL at the upper edge, nats per token.
    """

    line: str
    good: float
    bad: float
    steps: float
    top: float


def kl_curve(points: Sequence[tuple[float, float]]) -> Curve | None:
    """Draw KL as it was watched; None where there are no two points to join."""
    if len(points) < 2:
        return None
    good, bad = SCALES["kl_general"]
    last = points[-1][0]
    top = _ROOM * max(good, *(kl for _, kl in points))

    def height(kl: float) -> float:
        return round(HEIGHT * (1 - kl / top), 2)

    line = " ".join(f"{WIDTH * step / last:.2f},{height(kl)}" for step, kl in points)
    return Curve(line, height(good), height(bad), last, top)
