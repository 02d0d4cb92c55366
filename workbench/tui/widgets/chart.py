"""A line chart: a mean line in a band from lowest to highest, so that no spike is hidden."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import on
from textual.content import Content
from textual_hires_canvas import Canvas

from workbench.tui.words import short

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workbench.runs.series import Point, Series

_DOTS = 2
"""Braille dots in a cell, side by side."""
_TICK_ROWS = 3
"""Rows between two labels of the y axis, at least."""


@dataclass(frozen=True)
class Curve:
    """One series on a chart.

    Attributes:
        label: Its name in the legend.
        look: Which of the chart's component classes colours it: ``first``, ``second``, ``third``.
        marks: Draw single diamonds instead of a line, for what is measured now and then.
    """

    label: str
    series: Series
    look: str
    marks: bool = False


class _Scale(NamedTuple):
    """Where a value lies: steps to columns and values to rows, in cells of the canvas."""

    left: float
    right: float
    bottom: float
    top: float
    first: float
    last: float
    low: float
    high: float

    def x(self, step: float) -> float:
        share = (step - self.first) / (self.last - self.first) if self.last > self.first else 0.0
        return self.left + share * (self.right - self.left)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.bottom - share * (self.bottom - self.top)


class Chart(Canvas, can_focus=True):
    """Curves over optimiser steps, with a y axis, a legend, and an honest empty state."""

    ALLOW_MAXIMIZE = True
    COMPONENT_CLASSES: ClassVar = {
        "chart--axis",
        "chart--first",
        "chart--second",
        "chart--third",
        "chart--first-band",
        "chart--second-band",
        "chart--third-band",
    }
    DEFAULT_CSS: ClassVar[str] = """
    Chart {
        & > .chart--axis { color: $foreground 45%; }
        & > .chart--first { color: $primary; }
        & > .chart--second { color: $accent; }
        & > .chart--third { color: $secondary; }
        & > .chart--first-band { color: $primary 55%; }
        & > .chart--second-band { color: $accent 55%; }
        & > .chart--third-band { color: $secondary 55%; }
    }
    """

    def __init__(
        self,
        title: str,
        *,
        words: Callable[[float], str] = short,
        unit: float = 1.0,
        from_zero: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's word
    ) -> None:
        """Start empty.

        Args:
            title: The name of the chart, with its unit.
            words: How the newest value is written in the legend.
            unit: What one unit of the y axis is worth in values, such as the bytes of a GiB.
            from_zero: Whether the y axis begins at zero, as an amount does.
            id: The widget's id.
        """
        super().__init__(1, 1, id=id, classes="pane")
        self._title = title
        self._words = words
        self._unit = unit
        self._from_zero = from_zero
        self._curves: tuple[Curve, ...] = ()
        self._empty = ""
        self._until = 0

    def on_mount(self) -> None:
        """Name the pane."""
        self.border_title = self._title

    def show(self, curves: Sequence[Curve], *, empty: str, until: int) -> None:
        """Draw ``curves`` up to the step ``until``; without a single point say ``empty``."""
        shown = tuple(curve for curve in curves if curve.series.buckets)
        if (shown, empty, until) != (self._curves, self._empty, self._until):
            self._curves, self._empty, self._until = shown, empty, until
            self._draw()

    @on(Canvas.Resize)
    def _resized(self, event: Canvas.Resize) -> None:
        event.stop()
        self.reset(size=event.size, refresh=False)
        self._draw()

    def notify_style_update(self) -> None:
        """Draw again in the colours of another theme."""
        super().notify_style_update()
        if self.is_mounted:
            self._draw()

    def _draw(self) -> None:
        with self.batch_refresh():
            self.reset()
            if self._curves:
                self._draw_curves()
            else:
                line = self._empty[: self.size.width]
                self._text((self.size.width - len(line)) // 2, self.size.height // 2, line)
        self.border_subtitle = self._legend()

    def _legend(self) -> Content:
        parts: list[str | tuple[str, str]] = []
        for curve in self._curves:
            glyph = "◆" if curve.marks else "━"
            last = "" if curve.series.last is None else self._words(curve.series.last)
            parts += [
                " ",
                (f"{glyph} ", self._style(curve.look)),
                f"{curve.label} ",
                (last, "bold"),
            ]
        return Content.assemble(*parts)

    def _draw_curves(self) -> None:
        columns = max(1, self.size.width - 8)
        points = {
            curve: curve.series.points(columns if curve.marks else columns * _DOTS)
            for curve in self._curves
        }
        low, high = self._range([point for drawn in points.values() for point in drawn])
        most = max(3, self.size.height // _TICK_ROWS)
        labels = [tick * self._unit for tick in _ticks(low / self._unit, high / self._unit, most)]
        margin = max(len(self._tick(value)) for value in labels) + 1
        steps = [point.step for drawn in points.values() for point in drawn]
        scale = _Scale(
            left=margin,
            right=self.size.width - 1 / _DOTS,
            bottom=self.size.height - 1.25,
            top=0.0,
            first=min(steps),
            last=max(self._until, *steps),
            low=low,
            high=high,
        )
        for curve, drawn in points.items():
            if curve.marks:
                self._draw_marks(drawn, scale, curve.look)
            else:
                self._draw_line(drawn, scale, curve.look)
        self._draw_axes(labels, margin, scale)

    def _range(self, points: list[Point]) -> tuple[float, float]:
        low = 0.0 if self._from_zero else min(point.low for point in points)
        high = max(point.high for point in points)
        room = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
        return (low if self._from_zero else low - room), high + room

    def _draw_line(self, points: list[Point], scale: _Scale, look: str) -> None:
        band = [
            (scale.x(point.step), scale.y(point.low), scale.x(point.step), scale.y(point.high))
            for point in points
            if point.high > point.low
        ]
        self.draw_hires_lines(band, style=self._style(f"{look}-band"))
        places = [(scale.x(point.step), scale.y(point.mean)) for point in points]
        lines = [(*start, *end) for start, end in zip(places, places[1:] or places, strict=False)]
        self.draw_hires_lines(lines, style=self._style(look))

    def _draw_marks(self, points: list[Point], scale: _Scale, look: str) -> None:
        for point in points:
            x, y = int(scale.x(point.step)), int(scale.y(point.mean))
            self.set_pixel(min(x, self.size.width - 1), y, "◆", self._style(look))

    def _draw_axes(self, labels: list[float], margin: int, scale: _Scale) -> None:
        bottom = self.size.height - 1
        for row in range(bottom):
            self.set_pixel(margin - 1, row, "│", self._style("axis"))
        for value in labels:
            row, label = int(scale.y(value)), self._tick(value)
            self._text(margin - 1 - len(label), row, label)
            self.set_pixel(margin - 1, row, "┤", self._style("axis"))
        first, last = f"{scale.first:g}", f"step {scale.last:g}"
        self._text(margin, bottom, first)
        self._text(self.size.width - len(last), bottom, last)

    def _tick(self, value: float) -> str:
        return f"{value / self._unit:.6g}"

    def _text(self, x: int, y: int, text: str) -> None:
        style = self._style("axis")
        for offset, character in enumerate(text):
            if 0 <= x + offset < self.size.width and 0 <= y < self.size.height:
                self.set_pixel(x + offset, y, character, style)

    def _style(self, look: str) -> str:
        colour = self.get_component_styles(f"chart--{look}").color
        background = self.background_colors[1]
        return (background + colour).hex6


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round values between ``low`` and ``high``, at most ``most`` of them."""
    raw = (high - low) / most
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw)
    first = math.ceil(low / step)
    return [index * step for index in range(first, math.floor(high / step) + 1)]
