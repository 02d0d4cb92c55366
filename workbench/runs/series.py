"""Curves of bounded size that never hide a spike, and where a climbing curve will end up."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import correlation, linear_regression
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[Any]


class Point(NamedTuple):
    """One column of a chart: its first step, and mean, lowest and highest value."""

    step: float
    mean: float
    low: float
    high: float


class Bucket(NamedTuple):
    """The values of neighbouring steps, merged."""

    step: float
    total: float
    values: int
    low: float
    high: float

    def merged(self, other: Bucket) -> Bucket:
        """This bucket and the next one as one."""
        return Bucket(
            self.step,
            self.total + other.total,
            self.values + other.values,
            min(self.low, other.low),
            max(self.high, other.high),
        )


@dataclass(frozen=True)
class Series:
    """A frozen snapshot of a curve.

    Attributes:
        buckets: In order of step.
        last: The newest value; None before the first.
    """

    buckets: tuple[Bucket, ...] = ()
    last: float | None = None

    def points(self, columns: int) -> list[Point]:
        """Reduce to at most ``columns`` points, each with its lowest and highest value."""
        if not self.buckets or columns < 1:
            return []
        width = -(-len(self.buckets) // columns)
        points = []
        for start in range(0, len(self.buckets), width):
            bucket = self.buckets[start]
            for following in self.buckets[start + 1 : start + width]:
                bucket = bucket.merged(following)
            points.append(Point(bucket.step, bucket.total / bucket.values, bucket.low, bucket.high))
        return points


@dataclass
class SeriesBuilder:
    """Collects values; neighbouring buckets are merged in pairs whenever there are ``most``.

    Attributes:
        most: The number of buckets at which they are merged; even.
    """

    most: int = 2048
    _buckets: list[Bucket] = field(default_factory=list)
    _per_bucket: int = 1
    _last: float | None = None

    def add(self, step: float, value: float) -> None:
        """Append the value measured at ``step``."""
        self._last = value
        new = Bucket(step, value, 1, value, value)
        if self._room_in_last():
            self._buckets[-1] = self._buckets[-1].merged(new)
            return
        self._buckets.append(new)
        self._merge_pairs_if_full()

    def extend(self, steps: Numbers, values: Numbers) -> None:
        """Append many values at once; the result is the same as with :meth:`add`."""
        done = 0
        while done < len(values):
            until_full = self._room_in_last() + (
                (self.most - 1 - len(self._buckets)) * self._per_bucket + 1
            )
            part = slice(done, done + until_full)
            self._append(steps[part], values[part])
            done = part.stop
            self._merge_pairs_if_full()
        if len(values):
            self._last = values[-1].item()

    def rewind(self, step: float) -> None:
        """Drop what came after ``step``, except values already merged with earlier ones."""
        while self._buckets and self._buckets[-1].step > step:
            self._buckets.pop()
        last = self._buckets[-1] if self._buckets else None
        self._last = last.total / last.values if last else None

    def snapshot(self) -> Series:
        """A frozen copy."""
        return Series(tuple(self._buckets), self._last)

    def _room_in_last(self) -> int:
        """How many more values the last bucket takes."""
        return max(0, self._per_bucket - self._buckets[-1].values) if self._buckets else 0

    def _append(self, steps: Numbers, values: Numbers) -> None:
        room = min(self._room_in_last(), len(values))
        if room:
            (rest,) = _buckets(steps[:room], values[:room], room)
            self._buckets[-1] = self._buckets[-1].merged(rest)
        self._buckets += _buckets(steps[room:], values[room:], self._per_bucket)

    def _merge_pairs_if_full(self) -> None:
        if len(self._buckets) >= self.most:
            pairs = zip(self._buckets[::2], self._buckets[1::2], strict=True)
            self._buckets = [left.merged(right) for left, right in pairs]
            self._per_bucket *= 2


def _buckets(steps: Numbers, values: Numbers, size: int) -> list[Bucket]:
    """Buckets of ``size`` values each; the last may be smaller."""
    import numpy as np

    if not len(values):
        return []
    starts = np.arange(0, len(values), size)
    counts = np.diff(np.append(starts, len(values)))
    columns = (
        steps[starts],
        np.add.reduceat(values, starts),
        counts,
        np.minimum.reduceat(values, starts),
        np.maximum.reduceat(values, starts),
    )
    return [Bucket(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


_FORECAST_POINTS = 64
_FEWEST_POINTS = 8
_NOTABLE_CLIMB = 0.01
"""Share of the limit that a curve has to climb before a forecast is made."""
_STEADY = 0.9
"""Correlation with the step from which on a climb is steady enough for a forecast."""


def forecast_step(curve: Series, limit: float) -> int | None:
    """The step at which a climbing curve reaches ``limit``, by a linear fit to its later half.

    None if it does not climb, climbs in a leap, or has too few points. Of the values merged into a
    point the lowest counts: in a climb that is the first, whose step is known.
    """
    points = curve.points(_FORECAST_POINTS)
    recent = points[len(points) // 2 :]
    steps, lows = [point.step for point in recent], [point.low for point in recent]
    if len(recent) < _FEWEST_POINTS or steps[0] == steps[-1]:
        return None
    if lows[-1] - lows[0] < _NOTABLE_CLIMB * limit or correlation(steps, lows) < _STEADY:
        return None
    slope = linear_regression(steps, lows).slope
    return math.ceil(steps[-1] + max(0.0, limit - lows[-1]) / slope)
