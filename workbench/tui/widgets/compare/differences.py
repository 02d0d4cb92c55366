"""The fields in which compared recipes differ, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from workbench.core.formatting import number
from workbench.core.sanitize import visible
from workbench.tui.labels import cut, letter
from workbench.tui.widgets.common.plot import LOOKS

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.evaluation.analysis.comparison import Comparison

_LONGEST_FIELD = 34
_NOTHING_COMPARED = "No run is compared yet."
_ALONE = "One run alone has nothing to differ from."
_SAME = "The recipes are the same in every field."


def differences_table(comparison: Comparison | None, width: int) -> Content:
    """One line for each field, one column for each run, ``width`` cells in all."""
    if comparison is None or not comparison.runs:
        return Content.styled(_NOTHING_COMPARED, "dim")
    if len(comparison.runs) == 1:
        return Content.styled(_ALONE, "dim")
    if not comparison.differences:
        return Content.styled(_SAME, "dim")
    longest = max(len(row.field) for row in comparison.differences)
    label = min(longest, _LONGEST_FIELD, max(width // 2, 12))
    column = max((width - label) // len(comparison.runs) - 1, 3)
    letters = [
        (f" {letter(place):<{column}}", f"bold ${colour}")
        for (place, _), colour in zip(enumerate(comparison.runs), LOOKS.values(), strict=False)
    ]
    lines = [Content.assemble(" " * label, *letters)]
    for row in comparison.differences:
        cells = [f" {cut(_word(value), column):<{column}}" for value in row.values]
        lines.append(Content.assemble((f"{cut(row.field, label):<{label}}", "dim"), *cells))
    return Content("\n").join(lines)


def _word(value: Any) -> str:
    """A field's value in a few characters; what a recipe has not is a dash."""
    match value:
        case None:
            return "-"
        case bool():
            return "on" if value else "off"
        case float():
            return number(value)
        case list():
            return ", ".join(map(str, value))
    return visible(str(value))


class Differences(VerticalScroll):
    """The table in a pane of its own, laid out again at every width."""

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS = """
    Differences { & > Static { height: auto; } }
    """

    def __init__(self) -> None:
        """Start empty."""
        super().__init__(id="differences", classes="pane")
        self._comparison: Comparison | None = None

    def compose(self) -> ComposeResult:
        """Lay out the one text."""
        yield Static(id="fields")

    def on_mount(self) -> None:
        """Name the pane."""
        self.border_title = "What differs"

    def show(self, comparison: Comparison | None) -> None:
        """Show another comparison."""
        self._comparison = comparison
        self._lay_out()

    def on_resize(self) -> None:
        """Lay the columns out for another width."""
        self._lay_out()

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width
        if width:
            table = differences_table(self._comparison, width)
            self.query_one("#fields", Static).update(table)
