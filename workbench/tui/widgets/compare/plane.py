"""The learn-versus-forget plane: learned on the y axis, kept or forgotten on the x axis."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import var

from workbench.tui.labels import truncate
from workbench.tui.widgets.common.plot import DOTS, TICK_ROWS, Plot, Scale, ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_LABEL = 24
"""Most cells of a label."""


@dataclass(frozen=True)
class Mark:
    """One point: a glyph, with a name where there is room for it."""

    x: float
    y: float
    glyph: str
    label: str
    look: str


@dataclass(frozen=True)
class PlaneData:
    """What a plane shows at one moment.

    Attributes:
        marks: Later ones are drawn on top.
        front: The marks on the Pareto front, joined by a line.
        better: Which corner is best, in words.
        x_title: What the x axis measures.
        y_title: What the y axis measures.
        empty: Shown while there are no marks.
    """

    marks: tuple[Mark, ...] = ()
    front: tuple[Mark, ...] = ()
    better: str = ""
    x_title: str = ""
    y_title: str = ""
    empty: str = ""


class Plane(Plot):
    """Marks between two axes, with the Pareto front drawn through the best of them."""

    data: var[PlaneData] = var(PlaneData())

    def watch_data(self, data: PlaneData) -> None:
        self.empty_text = data.empty
        if data.x_title:
            self.border_title = f"{data.y_title} ↑ against {data.x_title} →"
        self.redraw()

    def has_data(self) -> bool:
        return bool(self.data.marks)

    def legend(self) -> Content:
        if not self.has_data():
            return Content("")
        return Content.assemble(
            (" ◆━ ", self.style_of("second")), f"Pareto front   better: {self.data.better} "
        )

    def draw_data(self) -> None:
        """Draw axes, Pareto front, marks, and as many names as there is room for."""
        first, last = _span([mark.x for mark in self.data.marks])
        low, high = _span([mark.y for mark in self.data.marks])
        labels = [
            (value, f"{value:.4g}")
            for value in ticks(low, high, max(3, self.size.height // TICK_ROWS))
        ]
        margin = max(len(label) for _, label in labels) + 1
        scale = Scale(
            left=margin + 1,
            right=self.size.width - 2,
            bottom=self.size.height - 2.0,
            top=0.5,
            first=first,
            last=last,
            low=low,
            high=high,
        )
        self._draw_front(scale)
        self.draw_y_axis(labels, margin, scale)
        self._draw_x_ticks(scale)
        self._draw_marks(scale)

    def _draw_front(self, scale: Scale) -> None:
        places = sorted((scale.x(mark.x), scale.y(mark.y)) for mark in self.data.front)
        lines = [(*start, *end) for start, end in pairwise(places)]
        self.draw_hires_lines(_centred(lines), style=self.style_of("second"))

    def _draw_x_ticks(self, scale: Scale) -> None:
        for value in ticks(scale.first, scale.last, max(2, self.size.width // 16)):
            self.write(int(scale.x(value)), self.size.height - 1, f"{value:.4g}")

    def _draw_marks(self, scale: Scale) -> None:
        taken: set[tuple[int, int]] = set()
        places = {
            mark: (round(scale.x(mark.x)), round(scale.y(mark.y))) for mark in self.data.marks
        }
        for mark, (x, y) in places.items():
            self.write(x, y, mark.glyph, mark.look)
            taken.add((x, y))
        for mark, (x, y) in reversed(places.items()):
            self._draw_label(mark, x, y, taken, int(scale.left))

    def _draw_label(
        self, mark: Mark, x: int, y: int, taken: set[tuple[int, int]], left: int
    ) -> None:
        """Write the name to the right or left of its mark, unless another one is in the way."""
        text = truncate(mark.label, _MAX_LABEL)
        for start in (x + 2, x - len(text) - 1):
            cells = {(column, y) for column in range(start - 1, start + len(text) + 1)} - {(x, y)}
            if start >= left and start + len(text) <= self.size.width and not cells & taken:
                self.write(start, y, text, mark.look if mark.look != "first" else "axis")
                taken |= cells
                return


def _span(values: Sequence[float]) -> tuple[float, float]:
    """The range of ``values`` with a margin on both sides."""
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or abs(high) * 0.1 or 0.1
    return low - room, high + room


def _centred(
    lines: list[tuple[float, float, float, float]],
) -> list[tuple[float, float, float, float]]:
    """Lines through the middle of their cells, where the glyphs are."""
    half = 1 / DOTS
    return [(x0 + half, y0 + half, x1 + half, y1 + half) for x0, y0, x1, y1 in lines]
