"""A curve of bounded size in which no spike is ever hidden."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    """Values of neighbouring steps, folded together."""

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
    """A finished snapshot of a curve.

    Attributes:
        buckets: In order of step.
        last: The newest value, None before the first.
    """

    buckets: tuple[Bucket, ...] = ()
    last: float | None = None

    def points(self, columns: int) -> list[Point]:
        """Reduce to at most ``columns`` points, each with the lowest and highest value in it."""
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
    """Collects values; at ``most`` buckets neighbours are folded, so memory is bounded.

    Attributes:
        most: Buckets at which they are folded; even.
    """

    most: int = 2048
    _buckets: list[Bucket] = field(default_factory=list)
    _per_bucket: int = 1
    _last: float | None = None

    def add(self, step: float, value: float) -> None:
        """Append the value measured at ``step``."""
        self._last = value
        new = Bucket(step, value, 1, value, value)
        if self._open():
            self._buckets[-1] = self._buckets[-1].merged(new)
            return
        self._buckets.append(new)
        self._fold()

    def extend(self, steps: Numbers, values: Numbers) -> None:
        """Append many values at once, as :meth:`add` would one by one."""
        done = 0
        while done < len(values):
            taken = slice(done, done + self._until_fold())
            self._take(steps[taken], values[taken])
            done = taken.stop
            self._fold()
        if len(values):
            self._last = values[-1].item()

    def rewind(self, step: float) -> None:
        """Drop what came after ``step``; values folded together with earlier ones stay."""
        while self._buckets and self._buckets[-1].step > step:
            self._buckets.pop()
        last = self._buckets[-1] if self._buckets else None
        self._last = last.total / last.values if last else None

    def snapshot(self) -> Series:
        """A frozen copy."""
        return Series(tuple(self._buckets), self._last)

    def _open(self) -> int:
        """How many values the last bucket still takes."""
        return self._per_bucket - self._buckets[-1].values if self._buckets else 0

    def _until_fold(self) -> int:
        """How many values are taken until buckets are folded."""
        return max(0, self._open()) + (self.most - 1 - len(self._buckets)) * self._per_bucket + 1

    def _take(self, steps: Numbers, values: Numbers) -> None:
        room = min(max(0, self._open()), len(values))
        if room:
            (rest,) = _buckets(steps[:room], values[:room], room)
            self._buckets[-1] = self._buckets[-1].merged(rest)
        self._buckets += _buckets(steps[room:], values[room:], self._per_bucket)

    def _fold(self) -> None:
        if len(self._buckets) >= self.most:
            pairs = zip(self._buckets[::2], self._buckets[1::2], strict=True)
            self._buckets = [left.merged(right) for left, right in pairs]
            self._per_bucket *= 2


def _buckets(steps: Numbers, values: Numbers, size: int) -> list[Bucket]:
    """Buckets of ``size`` values each, the last of what is left."""
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
