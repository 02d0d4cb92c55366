"""Geometry of the charts, in the units of their drawing area; the templates draw them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.evaluation.analysis.formatting import SCALES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.analysis.findings import Capability, Interval

WIDTH = 200.0
HEIGHT = 60.0
_PADDING = 1.15


@dataclass(frozen=True)
class Change:
    """A capability's change on an axis that all capabilities share; losses are on the left.

    Attributes:
        low: Left end of the interval, 0 to ``WIDTH``.
        high: Right end.
        value: The change itself.
        margin: The tolerated loss; None for a capability that is not judged.
        zero: No change.
    """

    low: float
    high: float
    value: float
    margin: float | None
    zero: float


def changes(capabilities: Sequence[Capability]) -> list[Change]:
    """Place every capability on one axis, wide enough for the widest interval."""
    left = _PADDING * max((max(each.margin, -each.low) for each in capabilities), default=1.0)
    right = _PADDING * max((max(each.margin, each.high) for each in capabilities), default=1.0)

    def x(value: float) -> float:
        return round(WIDTH * (value + left) / (left + right), 2)

    return [
        Change(
            low=x(each.low),
            high=x(each.high),
            value=x(each.change),
            margin=x(-each.margin) if each.verdict else None,
            zero=x(0.0),
        )
        for each in capabilities
    ]


@dataclass(frozen=True)
class Scale:
    """A measure on its scale, which begins with 0 on the left.

    Attributes:
        low: Left end of the interval, 0 to ``WIDTH``.
        high: Right end.
        value: The value itself.
        good: Upper limit of good.
        bad: Lower limit of bad.
    """

    low: float
    high: float
    value: float
    good: float
    bad: float


def kl_scale(kl: Interval) -> Scale:
    """Place KL to base on general text, on a square-root axis: good and bad differ by a factor."""
    good, bad = SCALES["kl_general"]
    maximum = _PADDING * max(kl.high, 2 * bad)

    def x(value: float) -> float:
        return round(WIDTH * math.sqrt(max(value, 0.0) / maximum), 2)

    return Scale(x(kl.low), x(kl.high), x(kl.value), x(good), x(bad))


@dataclass(frozen=True)
class Curve:
    """KL to base over the steps of training.

    Attributes:
        line: Points of an SVG polyline, ``WIDTH`` by ``HEIGHT``.
        good: Height of the upper limit of good.
        bad: Height of the lower limit of bad; negative if that is above the drawing area.
        steps: The last step.
        top: KL at the upper edge, nats per token.
    """

    line: str
    good: float
    bad: float
    steps: float
    top: float


def kl_curve(points: Sequence[tuple[float, float]]) -> Curve | None:
    """Draw KL as measured during training; None with fewer than two points."""
    if len(points) < 2:
        return None
    good, bad = SCALES["kl_general"]
    last_step = points[-1][0]
    top = _PADDING * max(good, *(kl for _, kl in points))

    def y(kl: float) -> float:
        return round(HEIGHT * (1 - kl / top), 2)

    line = " ".join(f"{WIDTH * step / last_step:.2f},{y(kl)}" for step, kl in points)
    return Curve(line, y(good), y(bad), last_step, top)
