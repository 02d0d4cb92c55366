"""A line chart: the mean in a band from lowest to highest value, so that no spike is hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import var

from workbench.core.formatting import compact
from workbench.tui.widgets.common.plot import DOTS, TICK_ROWS, Plot, Scale, ticks

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.series import Point, Series


@dataclass(frozen=True)
class Curve:
    """One series on a chart.

    Attributes:
        label: Its name in the legend.
        look: A key of :data:`LOOKS`, which gives its colour.
        marks: Draw single diamonds instead of a line, for what is measured now and then.
    """

    label: str
    series: Series
    look: str
    marks: bool = False


@dataclass(frozen=True)
class Level:
    """A value that should not be exceeded: a dashed line across the chart.

    Attributes:
        look: ``warn`` or ``limit``.
    """

    label: str
    value: float
    look: str


@dataclass(frozen=True)
class ChartData:
    """What a chart shows at one moment.

    Attributes:
        empty: Shown in place of curves while none has a point.
        until: The step at which the x axis ends, unless a curve goes further.
        levels: Ascending; the first is always shown, each other once the one before is exceeded.
    """

    curves: tuple[Curve, ...] = ()
    empty: str = ""
    until: int = 0
    levels: tuple[Level, ...] = ()


class Chart(Plot):
    """Curves over optimiser steps, with a y axis and a legend."""

    data: var[ChartData] = var(ChartData())

    def __init__(
        self,
        title: str,
        *,
        format_value: Callable[[float], str] = compact,
        unit: float = 1.0,
        from_zero: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's word
    ) -> None:
        """Start empty.

        Args:
            title: The name of the chart, with its unit.
            format_value: Writes the newest value for the legend.
            unit: The value of one unit of the y axis, such as the bytes in a GiB.
            from_zero: Whether the y axis starts at zero, as for an amount.
            id: The widget's id.
        """
        super().__init__(title, id=id)
        self._format_value = format_value
        self._unit = unit
        self._from_zero = from_zero

    def watch_data(self, data: ChartData) -> None:
        self.empty_text = data.empty
        self.redraw()

    @property
    def _curves(self) -> list[Curve]:
        """The curves with at least one point."""
        return [curve for curve in self.data.curves if curve.series.buckets]

    def has_data(self) -> bool:
        return bool(self._curves)

    def legend(self) -> Content:
        """All curves with their newest values; without room for all, only the first has one."""
        curves = self._curves
        entries = [self._entry(curve, value=True) for curve in curves]
        if sum(entry.cell_length for entry in entries) > self.size.width:
            entries[1:] = [self._entry(curve, value=False) for curve in curves[1:]]
        return Content.assemble(*entries)

    def _entry(self, curve: Curve, *, value: bool) -> Content:
        last = (
            self._format_value(curve.series.last) if value and curve.series.last is not None else ""
        )
        return Content.assemble(
            (" ◆ " if curve.marks else " ━ ", self.style_of(curve.look)),
            f"{curve.label} ",
            (last, "bold"),
        )

    def draw_data(self) -> None:
        """Draw the curves, the visible levels and the axes."""
        columns = max(1, self.size.width - 8)
        points = {
            curve: curve.series.points(columns if curve.marks else columns * DOTS)
            for curve in self._curves
        }
        all_points = [point for curve_points in points.values() for point in curve_points]
        levels = self._visible_levels(max(point.high for point in all_points))
        low, high = self._range(all_points, levels)
        most = max(3, self.size.height // TICK_ROWS)
        values = [tick * self._unit for tick in ticks(low / self._unit, high / self._unit, most)]
        labels = [(value, f"{value / self._unit:.6g}") for value in values]
        margin = max(len(label) for _, label in labels) + 1
        scale = Scale(
            left=margin,
            right=self.size.width - 1 / DOTS,
            bottom=self.size.height - 1.25,
            top=0.0,
            first=min(point.step for point in all_points),
            last=max(self.data.until, *(point.step for point in all_points)),
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
        for curve, curve_points in points.items():
            draw = self._draw_marks if curve.marks else self._draw_line
            draw(curve_points, scale, curve.look)

    def _visible_levels(self, highest: float) -> list[Level]:
        visible: list[Level] = []
        for level in self.data.levels:
            if not visible or highest >= visible[-1].value:
                visible.append(level)
        return visible

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
        means = [(scale.x(point.step), scale.y(point.mean)) for point in points]
        lines = [(*start, *end) for start, end in zip(means, means[1:] or means, strict=False)]
        self.draw_hires_lines(lines, style=self.style_of(look))

    def _draw_marks(self, points: list[Point], scale: Scale, look: str) -> None:
        for point in points:
            x, y = int(scale.x(point.step)), int(scale.y(point.mean))
            self.set_pixel(min(x, self.size.width - 1), y, "◆", self.style_of(look))
