"""What a user sees: the text on the screen and in a widget, read through Textual's public API."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from tests.tui.conftest import until
from workbench.tui.screens.live import LiveScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import App
    from textual.dom import DOMNode
    from textual.pilot import Pilot
    from textual.screen import Screen

    from workbench.tui.app import WorkbenchApp
    from workbench.tui.widgets.common.plot import Plot

_TEXT = re.compile(r'<text [^>]*?x="([\d.]+)" y="([\d.]+)" textLength="[^>]*>([^<]*)</text>')
_CELL_WIDTH, _LINE_HEIGHT = 12.2, 24.4
"""Of Rich's SVG screenshots."""


def screen_lines(app: App[Any]) -> list[str]:
    """The terminal as it is now, line by line, read off a screenshot."""
    width, height = app.size
    cells = [[" "] * width for _ in range(height)]
    for line, first, text in _texts(app.export_screenshot()):
        column = first
        for character in text:
            cells[line][column] = character
            for covered in range(1, cell_len(character)):
                cells[line][column + covered] = ""
            column += cell_len(character)
    return ["".join(line).rstrip() for line in cells]


def screen_text(app: App[Any]) -> str:
    """The terminal as it is now."""
    return "\n".join(screen_lines(app))


def _texts(svg: str) -> Iterator[tuple[int, int, str]]:
    """Line, column and characters of every text in a screenshot."""
    for x, y, text in _TEXT.findall(svg):
        characters = html.unescape(text).replace("\N{NO-BREAK SPACE}", " ").removesuffix("\n")
        yield int(float(y) / _LINE_HEIGHT), round(float(x) / _CELL_WIDTH), characters


def text_of(node: DOMNode, kind: type[Widget] | str) -> str:
    """The texts of the only widget of that kind, or with that selector, and of its children."""
    widget = node.query_one(kind)
    return "\n".join(str(part.render()) for part in widget.walk_children(Widget, with_self=True))


def footer_labels(screen: Screen[Any]) -> list[tuple[str, int]]:
    """The keys' labels in the footer, each with the column where it ends."""
    keys = [key for key in screen.query("FooterKey") if key.display]
    return [(str(key.render()).partition(" ")[2].strip(), key.region.right) for key in keys]


def drawn(plot: Plot) -> str:
    """The cells of a plot, line by line."""
    return "\n".join(plot.render_line(row).text for row in range(plot.size.height))


def legend_of(plot: Plot) -> str:
    """The text in the lower border of a plot."""
    return Content.from_markup(str(plot.border_subtitle)).plain


async def live_view(app: WorkbenchApp, pilot: Pilot[None]) -> LiveScreen:
    """The live screen, once it has read its run."""
    await until(pilot, lambda: isinstance(app.screen, LiveScreen) and app.screen.view.run)
    assert isinstance(app.screen, LiveScreen)
    return app.screen
