"""A line chart: a mean line in a band from lowest to highest, so that no spike is hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from workbench.tui.labels import short
from workbench.tui.widgets.common.plot import DOTS, TICK_ROWS, Plot, Scale, ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workbench.runs.series import Point, Series


@dataclass(frozen=True)
class Curve:
    """One series on a chart.

    Attributes:
        label: Its name in the legend.
        look: One of the plot's looks, which colours it.
        marks: Draw single diamonds instead of a line, for what is measured now and then.
    """

    label: str
    series: Series
    look: str
    marks: bool = False


@dataclass(frozen=True)
class Level:
    """A value that must not be passed: a dashed line across the chart.

    Attributes:
        look: ``warn`` or ``limit``.
    """

    label: str
    value: float
    look: str


class Chart(Plot):
    """Curves over optimiser steps, with a y axis, a legend, and an honest empty state."""

    def __init__(
        self,
        title: str,
        *,
        words: Callable[[float], str] = short,
        unit: float = 1.0,
        from_zero: bool = False,
        levels: Sequence[Level] = (),
        id: str | None = None,  # noqa: A002 - Textual's word
    ) -> None:
        """Start empty.

        Args:
            title: The name of the chart, with its unit.
            words: How the newest value is written in the legend.
            unit: What one unit of the y axis is worth in values, such as the bytes of a GiB.
            from_zero: Whether the y axis begins at zero, as an amount does.
            levels: Rising; the first is always in sight, each other once the one before is passed.
            id: The widget's id.
        """
        super().__init__(title, id=id)
        self._words = words
        self._unit = unit
        self._from_zero = from_zero
        self.levels = tuple(levels)
        self._curves: tuple[Curve, ...] = ()
        self._until = 0

    def show(self, curves: Sequence[Curve], *, empty: str, until: int) -> None:
        """Draw ``curves`` up to the step ``until``; without a single point say ``empty``."""
        shown = tuple(curve for curve in curves if curve.series.buckets)
        if (shown, empty, until) != (self._curves, self._empty, self._until):
            self._curves, self._empty, self._until = shown, empty, until
            self.redraw()

    def has_data(self) -> bool:
        """Whether any curve has a point."""
        return bool(self._curves)

    def legend(self) -> Content:
        """Every curve with its newest value; the first value alone where there is little room."""
        whole = [self._entry(curve, value=True) for curve in self._curves]
        if sum(entry.cell_length for entry in whole) > self.size.width:
            whole[1:] = [self._entry(curve, value=False) for curve in self._curves[1:]]
        return Content.assemble(*whole)

    def _entry(self, curve: Curve, *, value: bool) -> Content:
        last = self._words(curve.series.last) if value and curve.series.last is not None else ""
        return Content.assemble(
            (" ◆ " if curve.marks else " ━ ", self.style_of(curve.look)),
            f"{curve.label} ",
            (last, "bold"),
        )

    def draw_data(self) -> None:
        """Draw the curves, the levels in sight and the axes."""
        columns = max(1, self.size.width - 8)
        points = {
            curve: curve.series.points(columns if curve.marks else columns * DOTS)
            for curve in self._curves
        }
        every = [point for drawn in points.values() for point in drawn]
        levels = self._levels_in_sight(max(point.high for point in every))
        low, high = self._range(every, levels)
        most = max(3, self.size.height // TICK_ROWS)
        values = [tick * self._unit for tick in ticks(low / self._unit, high / self._unit, most)]
        labels = [(value, f"{value / self._unit:.6g}") for value in values]
        margin = max(len(label) for _, label in labels) + 1
        scale = Scale(
            left=margin,
            right=self.size.width - 1 / DOTS,
            bottom=self.size.height - 1.25,
            top=0.0,
            first=min(point.step for point in every),
            last=max(self._until, *(point.step for point in every)),
            low=low,
            high=high,
        )
        for level in levels:
            self._draw_level(level, margin, scale)
        self._draw_curves(points, scale)
        for level in levels:
            self._label_level(level, scale)
        self.draw_y_axis(labels, margin, scale)
        self.draw_x_axis(f"{scale.first:g}", f"step {scale.last:g}", margin)

    def _draw_curves(self, points: dict[Curve, list[Point]], scale: Scale) -> None:
        for curve, drawn in points.items():
            if curve.marks:
                self._draw_marks(drawn, scale, curve.look)
            else:
                self._draw_line(drawn, scale, curve.look)

    def _levels_in_sight(self, highest: float) -> list[Level]:
        shown: list[Level] = []
        for level in self.levels:
            if not shown or highest >= shown[-1].value:
                shown.append(level)
        return shown

    def _range(self, points: list[Point], levels: list[Level]) -> tuple[float, float]:
        low = 0.0 if self._from_zero else min(point.low for point in points)
        values = [level.value for level in levels] + [point.high for point in points]
        high = max(values)
        room = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
        return (low if self._from_zero else low - room), high + room

    def _draw_level(self, level: Level, margin: int, scale: Scale) -> None:
        row = int(scale.y(level.value))
        for column in range(margin, self.size.width, 2):
            self.write(column, row, "╌", level.look)

    def _label_level(self, level: Level, scale: Scale) -> None:
        label = f" {level.label} {level.value:g} "
        self.write(self.size.width - len(label), int(scale.y(level.value)), label, level.look)

    def _draw_line(self, points: list[Point], scale: Scale, look: str) -> None:
        band = [
            (scale.x(point.step), scale.y(point.low), scale.x(point.step), scale.y(point.high))
            for point in points
            if point.high > point.low
        ]
        self.draw_hires_lines(band, style=self.style_of(f"{look}-band"))
        places = [(scale.x(point.step), scale.y(point.mean)) for point in points]
        lines = [(*start, *end) for start, end in zip(places, places[1:] or places, strict=False)]
        self.draw_hires_lines(lines, style=self.style_of(look))

    def _draw_marks(self, points: list[Point], scale: Scale, look: str) -> None:
        for point in points:
            x, y = int(scale.x(point.step)), int(scale.y(point.mean))
            self.set_pixel(min(x, self.size.width - 1), y, "◆", self.style_of(look))
