"""The fields in which the compared recipes differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from workbench.core.formatting import number
from workbench.core.sanitize import visible
from workbench.tui.labels import run_letter, truncate
from workbench.tui.widgets.common.plot import LOOKS

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.evaluation.analysis.comparison import Comparison

_MAX_FIELD = 34
_NOTHING_COMPARED = "No runs to compare yet."
_ALONE = "Only one run: nothing to compare it with."
_SAME = "The recipes are identical."


def differences_table(comparison: Comparison | None, width: int) -> Content:
    """One line per field, one column per run, ``width`` cells in all."""
    if comparison is None or not comparison.runs:
        return Content.styled(_NOTHING_COMPARED, "dim")
    if len(comparison.runs) == 1:
        return Content.styled(_ALONE, "dim")
    if not comparison.differences:
        return Content.styled(_SAME, "dim")
    longest = max(len(row.field) for row in comparison.differences)
    label = min(longest, _MAX_FIELD, max(width // 2, 12))
    column = max((width - label) // len(comparison.runs) - 1, 3)
    letters = [
        (f" {run_letter(place):<{column}}", f"bold ${colour}")
        for (place, _), colour in zip(enumerate(comparison.runs), LOOKS.values(), strict=False)
    ]
    lines = [Content.assemble(" " * label, *letters)]
    for row in comparison.differences:
        cells = [f" {truncate(_format(value), column):<{column}}" for value in row.values]
        lines.append(Content.assemble((f"{truncate(row.field, label):<{label}}", "dim"), *cells))
    return Content("\n").join(lines)


def _format(value: Any) -> str:
    """A field's value in a few characters; a dash where a recipe does not have the field."""
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
    """A pane with the table, laid out again for every width."""

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS: ClassVar[str] = """
    Differences { & > Static { height: auto; } }
    """

    comparison: var[Comparison | None] = var(None)

    def __init__(self) -> None:
        super().__init__(id="differences", classes="pane")
        self.border_title = "What differs"

    def compose(self) -> ComposeResult:
        yield Static(id="fields")

    def watch_comparison(self) -> None:
        self._lay_out()

    def on_resize(self) -> None:
        """Lay the columns out for another width."""
        self._lay_out()

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width
        if width:
            table = differences_table(self.comparison, width)
            self.query_one("#fields", Static).update(table)
