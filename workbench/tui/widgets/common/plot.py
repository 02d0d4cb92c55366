"""The base of charts and planes: a canvas with axes, theme colours, and an empty state."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import on
from textual.content import Content
from textual.strip import Strip
from textual_hires_canvas import Canvas

if TYPE_CHECKING:
    from collections.abc import Sequence

DOTS = 2
"""Braille dots in a cell, side by side."""
TICK_ROWS = 3
"""Fewest rows between two labels of the y axis."""
LOOKS = {
    "first": "primary",
    "second": "accent",
    "third": "secondary",
    "fourth": "success",
    "fifth": "warning",
    "sixth": "error",
}
"""Looks of curves and marks, each with its theme colour."""


class Scale(NamedTuple):
    """Maps x values to columns and y values to rows, in cells of the canvas."""

    left: float
    right: float
    bottom: float
    top: float
    first: float
    last: float
    low: float
    high: float

    def x(self, value: float) -> float:
        """The column of ``value``."""
        span = self.last - self.first
        share = (value - self.first) / span if span > 0 else 0.0
        return self.left + share * (self.right - self.left)

    def y(self, value: float) -> float:
        """The row of ``value``."""
        share = (value - self.low) / (self.high - self.low)
        return self.bottom - share * (self.bottom - self.top)


class Plot(Canvas, can_focus=True):
    """A canvas that is redrawn on every change of size or theme."""

    ALLOW_MAXIMIZE = True
    COMPONENT_CLASSES: ClassVar = {
        "plot--axis",
        "plot--warn",
        "plot--limit",
        *(f"plot--{look}{part}" for look in LOOKS for part in ("", "-band")),
    }
    DEFAULT_CSS: ClassVar[str] = "\n".join(
        [
            "Plot > .plot--axis { color: $foreground 45%; }",
            "Plot > .plot--warn { color: $warning 80%; }",
            "Plot > .plot--limit { color: $error 80%; }",
            *(f"Plot > .plot--{look} {{ color: ${name}; }}" for look, name in LOOKS.items()),
            *(
                f"Plot > .plot--{look}-band {{ color: ${name} 55%; }}"
                for look, name in LOOKS.items()
            ),
        ]
    )

    def __init__(self, title: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(1, 1, id=id, classes="pane")
        self.border_title = title
        self.empty_text = ""
        """Shown while there is no data."""

    @on(Canvas.Resize)
    def _resized(self, event: Canvas.Resize) -> None:
        event.stop()
        self.reset(size=event.size, refresh=False)
        self.redraw()

    def render_line(self, y: int) -> Strip:
        """A line of the canvas; below it, a blank one with a style, which ``NO_COLOR`` needs."""
        line = super().render_line(y)
        return line if line.cell_length else Strip.blank(self.size.width, self.rich_style)

    def notify_style_update(self) -> None:
        """Redraw in the colours of another theme."""
        super().notify_style_update()
        if self.is_mounted:
            self.redraw()

    def redraw(self) -> None:
        """Draw the data, or the text in its place."""
        if not self.is_attached:  # a closed widget has no styles
            return
        with self.batch_refresh():
            self.reset()
            if self.has_data():
                self.draw_data()
            else:
                line = self.empty_text[: self.size.width]
                self.write((self.size.width - len(line)) // 2, self.size.height // 2, line)
        self.border_subtitle = self.legend()

    def has_data(self) -> bool:
        """Whether there is anything to draw."""
        raise NotImplementedError

    def draw_data(self) -> None:
        """Draw the data and the axes."""
        raise NotImplementedError

    def legend(self) -> Content:
        """The text in the lower border."""
        return Content("")

    def write(self, x: int, y: int, text: str, look: str = "axis") -> None:
        """Write ``text`` starting at a cell; what does not fit is cut off."""
        style = self.style_of(look)
        for offset, character in enumerate(text):
            if 0 <= x + offset < self.size.width and 0 <= y < self.size.height:
                self.set_pixel(x + offset, y, character, style)

    def draw_y_axis(self, labels: Sequence[tuple[float, str]], margin: int, scale: Scale) -> None:
        """Draw the axis to the right of its labels, which take ``margin`` cells."""
        for row in range(self.size.height - 1):
            self.set_pixel(margin - 1, row, "│", self.style_of("axis"))
        for value, label in labels:
            row = int(scale.y(value))
            self.write(margin - 1 - len(label), row, label)
            self.set_pixel(margin - 1, row, "┤", self.style_of("axis"))

    def draw_x_axis(self, first: str, last: str, margin: int) -> None:
        """Write both ends of the x axis."""
        bottom = self.size.height - 1
        self.write(margin, bottom, first)
        self.write(self.size.width - len(last), bottom, last)

    def style_of(self, look: str) -> str:
        """The colour of a look on the current background, as the canvas expects it."""
        colour = self.get_component_styles(f"plot--{look}").color
        background = self.background_colors[1]
        return (background + colour).hex6


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round values between ``low`` and ``high``, at most ``most`` of them."""
    smallest_step = (high - low) / most
    power = 10.0 ** math.floor(math.log10(smallest_step))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= smallest_step)
    first = math.ceil(low / step)
    return [index * step for index in range(first, math.floor(high / step) + 1)]
