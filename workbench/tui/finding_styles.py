"""The look of findings: colours of verdicts and ratings, and intervals as small bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

if TYPE_CHECKING:
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
