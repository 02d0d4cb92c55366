"""What a sweep found at each strength, in two lines: the task above, what was kept below."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.widgets import Static

from workbench.chat.session import STEP, STRONGEST
from workbench.core.formatting import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workbench.evaluation.interpolation_curve import StrengthCurve, StrengthPoint

_BARS = "▁▂▃▄▅▆▇"
_PLACES = [round(place * STEP, 2) for place in range(round(STRONGEST / STEP) + 1)]
_CELLS = 2
"""Cells of one place of the slider."""
_LABEL = 12
_QUIET = "$foreground 40%"


@dataclass(frozen=True)
class Trace:
    """One quantity over the strengths that were measured.

    Attributes:
        form: How a value is written.
        unit: What it is a value of.
    """

    label: str
    alphas: tuple[float, ...]
    values: tuple[float, ...]
    form: Callable[[float], str]
    unit: str

    def at(self, alpha: float) -> float | None:
        """The value there, between two measured ones on the line from one to the other.

        None beyond what was measured.
        """
        place = bisect_left(self.alphas, alpha)
        if place < len(self.alphas) and self.alphas[place] == alpha:
            return self.values[place]
        if place in (0, len(self.alphas)):
            return None
        (low, high), (before, after) = self._around(place)
        return before + (after - before) * (alpha - low) / (high - low)

    def _around(self, place: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        around = slice(place - 1, place + 1)
        return self.alphas[around], self.values[around]


def traces(curve: StrengthCurve) -> list[Trace]:
    """What the sweep measured of the task and of what was kept, the best measure of each."""
    points = curve.points
    found = [
        _trace("task", points, [point.target_score for point in points], percent, "right")
        or _trace("task", points, _learned(curve), _nats, "nats learned"),
        _trace("kept", points, _kept(curve), percent, "of the base")
        or _trace("forgetting", points, [point.kl for point in points], _nats, "nats KL to base"),
    ]
    return [trace for trace in found if trace]


def _trace(
    label: str,
    points: Sequence[StrengthPoint],
    values: Sequence[float | None],
    form: Callable[[float], str],
    unit: str,
) -> Trace | None:
    known = [
        (point.alpha, value)
        for point, value in zip(points, values, strict=True)
        if value is not None
    ]
    if not known:
        return None
    alphas, measured = zip(*known, strict=True)
    return Trace(label, alphas, measured, form, unit)


def _nats(value: float) -> str:
    return f"{value:.3f}"


def _learned(curve: StrengthCurve) -> list[float | None]:
    """How much lower the loss on the task is than the base's."""
    base = curve.base.heldout_nll
    return [
        None if base is None or point.heldout_nll is None else base - point.heldout_nll
        for point in curve.points
    ]


def _kept(curve: StrengthCurve) -> list[float | None]:
    """The mean score of the probe suites as a share of the base's."""
    base = sum(curve.base.suites.values())
    return [sum(point.suites.values()) / base if base else None for point in curve.points]


def spark(trace: Trace, strength: float) -> Content:
    """The trace over the slider's places, the current one marked, and its value there."""
    values = [trace.at(place) for place in _PLACES]
    top = max(trace.values) or 1.0
    cells = [
        (_bar(value, top) * _CELLS, "$accent bold" if place == strength else _QUIET)
        for place, value in zip(_PLACES, values, strict=True)
    ]
    here = trace.at(strength)
    about = "" if strength in trace.alphas else "about "
    told = "not measured here" if here is None else f"{about}{trace.form(here)} {trace.unit}"
    return Content.assemble((f"{trace.label:<{_LABEL}}", _QUIET), *cells, f"  {told}")


def _bar(value: float | None, top: float) -> str:
    if value is None:
        return " "
    level = round(value / top * (len(_BARS) - 1))
    return _BARS[min(max(level, 0), len(_BARS) - 1)]


class StrengthCurveView(Static):
    """Two lines over the prompt, only where a sweep was made."""

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

    def __init__(self) -> None:
        """Start hidden."""
        super().__init__(id="curve", markup=False)
        self._traces: list[Trace] = []
        self._strength = 1.0

    def show(self, curve: StrengthCurve) -> None:
        """Draw ``curve``."""
        self._traces = traces(curve)
        self.set_class(bool(self._traces), "-swept")
        self.mark(self._strength)

    def mark(self, strength: float) -> None:
        """Mark where the slider stands."""
        self._strength = strength
        self.set_class(strength != 1, "-moved")
        self.update(Content("\n").join([spark(trace, strength) for trace in self._traces]))
