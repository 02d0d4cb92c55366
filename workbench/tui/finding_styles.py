"""The look of findings: colours of verdicts and ratings, and intervals as small bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.content import Content

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.evaluation.analysis.band import BandPart
    from workbench.evaluation.analysis.findings import Interval, Verdict
    from workbench.evaluation.analysis.formatting import Rating

VERDICT_COLOURS: dict[Verdict | None, str] = {
    "PASS": "$text-success",
    "FAIL": "$text-error",
    "INCONCLUSIVE": "$text-warning",
    None: "dim",
}
RATING_COLOURS: dict[Rating, str] = {
    "good": "$text-success",
    "watch": "$text-warning",
    "bad": "$text-error",
}
RATING_SIGNS: dict[Rating, str] = {"good": "✓", "watch": "!", "bad": "✗"}
"""Says the same as the colour."""
_THEME_COLOURS: dict[Rating, str] = {"good": "success", "watch": "warning", "bad": "error"}


def verdict_text(verdict: BandPart, colours: Mapping[str, str]) -> Text:
    """The verdict in a word for a table, in the ``colours`` of the theme."""
    look = _THEME_COLOURS[verdict.rating] if verdict.rating else "foreground"
    return Text(verdict.value, f"bold {colours[look]}")


def measure_text(part: BandPart, colours: Mapping[str, str]) -> Text:
    """A measured part of a band for a table, with a sign for its rating."""
    if part.rating is None:
        return Text(part.value)
    look = colours[_THEME_COLOURS[part.rating]]
    return Text.assemble((f"{RATING_SIGNS[part.rating]} ", look), (part.value, look))


def interval_bar(
    interval: Interval, *, width: int, span: float, margin: float, look: str
) -> Content:
    """Draw an interval on the range ``-span`` to ``span``, with marks at zero and ``-margin``."""

    def cell(value: float) -> int:
        share = (value + span) / (2 * span)
        return min(max(round(share * (width - 1)), 0), width - 1)

    low, high = cell(interval.low), cell(interval.high)
    inside = dict.fromkeys(range(low, high + 1), "─") | {low: "├", high: "┤"}
    cells = inside | {cell(interval.value): "●"}
    marks = {cell(-margin): "┊", cell(0.0): "│"}
    return Content.assemble(
        *(
            (cells[column], look) if column in cells else (marks.get(column, " "), "dim")
            for column in range(width)
        )
    )
