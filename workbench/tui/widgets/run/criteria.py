"""What the verdict rests on: one row per criterion, with what was measured and its limit."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from workbench.core.sanitize import visible
from workbench.evaluation.analysis.formatting import nats, points, what_decides
from workbench.tui.finding_styles import VERDICT_COLOURS
from workbench.tui.widgets.run.key_figures import figure_lines

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.evaluation.analysis.findings import Criterion, Findings, Interval

_VERDICT = 12
_TITLE = 25
_VALUE = 6
_INTERVAL = 14
_ROOMY = 110
_ROOMY_INTERVAL = 18


def criteria_table(findings: Findings, width: int) -> Content:
    """General answers and text, and all items together; the capabilities have a table of their own.

    A criterion that was not measured says why, and one that is open what would decide it.
    """
    shown = [each for each in findings.criteria if not each.name.startswith("suite:")]
    roomy = width >= _ROOMY
    interval = _ROOMY_INTERVAL if roomy else _INTERVAL
    header = f"{'verdict':{_VERDICT}} {'criterion':{_TITLE}} {'value':>{_VALUE}} "
    header += f"{f'{100 * findings.level:.4g} %':<{interval}} limit"
    lines = [Content.styled(header, "dim")]
    for each in shown:
        lines += _row(each, width, roomy=roomy)
    return Content("\n").join(lines)


def _row(criterion: Criterion, width: int, *, roomy: bool) -> list[Content]:
    look = VERDICT_COLOURS[criterion.verdict]
    head = Content.assemble(
        (f"{criterion.verdict or 'not judged':{_VERDICT}} ", f"bold {look}"),
        f"{visible(criterion.title):{_TITLE}} ",
    )
    if criterion.interval is None:
        note = f"not measured: {visible(criterion.note)}"
        first, *rest = textwrap.wrap(note, max(width - head.cell_length, _TITLE))
        return [Content.assemble(head, first), *(_below(head, line) for line in rest)]
    row = Content.assemble(head, *_measured(criterion, criterion.interval, roomy=roomy))
    more = criterion.note or (what_decides(criterion) if criterion.verdict != "PASS" else "")
    if criterion.verdict == "FAIL" or not more:
        return [row]
    if row.cell_length + len(more) + 2 <= width:
        return [Content.assemble(row, "  ", visible(more))]
    return [row, _below(head, visible(more))]


def _below(head: Content, text: str) -> Content:
    return Content(" " * head.cell_length + text)


def _measured(
    criterion: Criterion, interval: Interval, *, roomy: bool
) -> tuple[Content | str | tuple[str, str], ...]:
    """Value, interval, and limit with its unit."""
    in_points = criterion.unit == "points"
    write = points if in_points else nats
    limit = points(criterion.limit) if in_points else f"{criterion.limit:g}"
    dots, room = (" … ", _ROOMY_INTERVAL) if roomy else ("…", _INTERVAL)
    ends = f"({write(interval.low)}{dots}{write(interval.high)})"
    look = VERDICT_COLOURS[criterion.verdict]
    return (
        (f"{write(interval.value):>{_VALUE}} ", f"bold {look}"),
        f"{ends:<{room}} {limit} {criterion.unit}",
    )


class CriteriaPane(VerticalScroll):
    """A pane with the table and what was measured besides, laid out again for every width."""

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS: ClassVar[str] = """
    CriteriaPane { & > Static { height: auto; } }
    """

    findings: var[Findings | None] = var(None)

    def __init__(self) -> None:
        super().__init__(id="criteria", classes="pane")
        self.border_title = "Why this verdict"

    def compose(self) -> ComposeResult:
        yield Static(id="criteria-table")

    def watch_findings(self) -> None:
        self._lay_out()

    def on_resize(self) -> None:
        """Lay the columns out for another width."""
        self._lay_out()

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width
        if self.findings and self.size.width:
            parts = (criteria_table(self.findings, width), figure_lines(self.findings, width))
            lines = Content("\n").join([part for part in parts if part])
            self.query_one("#criteria-table", Static).update(lines)
