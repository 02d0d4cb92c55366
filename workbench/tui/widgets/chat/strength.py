"""The measured strength curve in two lines: the task above, what was kept below."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from workbench.chat.lanes import MAX_STRENGTH, STRENGTH_STEP
from workbench.core.formatting import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workbench.evaluation.interpolation_curve import StrengthCurve, StrengthPoint

_BARS = "▁▂▃▄▅▆▇"
_SLIDER = [
    round(place * STRENGTH_STEP, 2) for place in range(round(MAX_STRENGTH / STRENGTH_STEP) + 1)
]
_CELLS = 2
"""Cells for each place of the slider."""
_LABEL_WIDTH = 12
_QUIET = "$foreground 40%"


@dataclass(frozen=True)
class Trace:
    """One quantity over the measured strengths.

    Attributes:
        alphas: The measured strengths, rising.
        format: Writes a value.
        unit: What the value counts.
    """

    label: str
    alphas: tuple[float, ...]
    values: tuple[float, ...]
    format: Callable[[float], str]
    unit: str

    def at(self, alpha: float) -> float | None:
        """The value at a strength, linearly interpolated; None outside the measured range."""
        place = bisect_left(self.alphas, alpha)
        if place < len(self.alphas) and self.alphas[place] == alpha:
            return self.values[place]
        if place in (0, len(self.alphas)):
            return None
        low, high = self.alphas[place - 1 : place + 1]
        before, after = self.values[place - 1 : place + 1]
        return before + (after - before) * (alpha - low) / (high - low)


def traces(curve: StrengthCurve) -> list[Trace]:
    """The best available measure of the task, and that of what was kept."""
    points = curve.points
    measures = [
        _trace("task", points, [point.target_score for point in points], percent, "right")
        or _trace("task", points, _nats_learned(curve), _nats, "nats learned"),
        _trace("kept", points, _share_kept(curve), percent, "of the base")
        or _trace("forgetting", points, [point.kl for point in points], _nats, "nats KL to base"),
    ]
    return [trace for trace in measures if trace]


def _trace(
    label: str,
    points: Sequence[StrengthPoint],
    values: Sequence[float | None],
    format: Callable[[float], str],  # noqa: A002 - as in Trace
    unit: str,
) -> Trace | None:
    measured = [
        (point.alpha, value)
        for point, value in zip(points, values, strict=True)
        if value is not None
    ]
    if not measured:
        return None
    alphas, measured_values = zip(*measured, strict=True)
    return Trace(label, alphas, measured_values, format, unit)


def _nats(value: float) -> str:
    return f"{value:.3f}"


def _nats_learned(curve: StrengthCurve) -> list[float | None]:
    """How much lower the loss on the task is than the base's."""
    base = curve.base.heldout_nll
    return [
        None if base is None or point.heldout_nll is None else base - point.heldout_nll
        for point in curve.points
    ]


def _share_kept(curve: StrengthCurve) -> list[float | None]:
    """The mean score of the probe suites as a share of the base's."""
    base = sum(curve.base.suites.values())
    return [sum(point.suites.values()) / base if base else None for point in curve.points]


def sparkline(trace: Trace, strength: float) -> Content:
    """The trace over the slider's places, with the current one marked and its value at the end."""
    top = max(trace.values) or 1.0
    cells = [
        (_bar(trace.at(place), top) * _CELLS, "$accent bold" if place == strength else _QUIET)
        for place in _SLIDER
    ]
    value = trace.at(strength)
    about = "" if strength in trace.alphas else "about "
    text = "not measured here" if value is None else f"{about}{trace.format(value)} {trace.unit}"
    return Content.assemble((f"{trace.label:<{_LABEL_WIDTH}}", _QUIET), *cells, f"  {text}")


def _bar(value: float | None, top: float) -> str:
    if value is None:
        return " "
    level = round(value / top * (len(_BARS) - 1))
    return _BARS[min(max(level, 0), len(_BARS) - 1)]


class StrengthCurveView(Static):
    """Two lines above the prompt, shown only if the run's strengths were swept."""

    DEFAULT_CSS: ClassVar[str] = """
    StrengthCurveView {
        display: none;
        height: auto;
        padding: 0 2;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        &.-swept { display: block; }
    }
    """

    curve: var[StrengthCurve | None] = var(None, init=False)
    """What the sweep has measured."""
    strength: var[float] = var(1.0, init=False)
    """The strength to mark."""

    def __init__(self) -> None:
        super().__init__(id="curve", markup=False)

    def watch_curve(self) -> None:
        self._draw()

    def watch_strength(self) -> None:
        self._draw()

    def _draw(self) -> None:
        lines = traces(self.curve) if self.curve else []
        self.set_class(bool(lines), "-swept")
        self.set_class(self.strength != 1, "-moved")
        self.update(Content("\n").join([sparkline(line, self.strength) for line in lines]))
