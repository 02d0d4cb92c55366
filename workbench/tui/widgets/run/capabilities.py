"""What was kept and what was lost: one row for each suite, told apart by what a fall means."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from workbench.core.sanitize import visible
from workbench.evaluation.analysis.findings import Interval
from workbench.evaluation.analysis.formatting import (
    benchmark_change,
    conditions,
    document_changes,
    points,
    score_with_error,
    size_in_points,
)
from workbench.tui.labels import cut
from workbench.tui.verdicts import VERDICT_COLOURS, interval_bar

if TYPE_CHECKING:
    from typing import Any

    from textual.app import ComposeResult

    from workbench.evaluation.analysis.findings import Capability, Findings
    from workbench.evaluation.suites.items import Measures

_KINDS: dict[Measures, tuple[str, str]] = {
    "knowledge": ("knowledge", "what it knows: a fall is knowledge lost"),
    "behaviour": ("behaviour", "how it answers: a fall can hide knowledge that is still there"),
    "safety": ("safety", "what it refuses: judged on each side, never averaged in"),
    "information": ("information", "shown, never judged"),
}
_TITLE, _SHORT_TITLE = 21, 17
_SHORTEST_BAR, _LONGEST_BAR = 6, 31
_ROOMY = 110
_WORDS = 49
"""Cells of a row beside title and bar."""
_MORE_WORDS = 42
"""Cells that a row with number of items, smallest effect and what would decide takes beyond."""
_NOTHING = "No capability was measured in this run."


def capability_table(findings: Findings, width: int) -> Content:
    """The whole table, ``width`` cells wide, with the reader's notes below."""
    if not findings.capabilities:
        return Content("\n").join([Content(_NOTHING), *_benchmarks(findings), *_notes(findings)])
    layout = _Layout(findings, width)
    lines = [layout.header()]
    order = list(_KINDS)
    rows = sorted(findings.capabilities, key=lambda each: order.index(each.kind))
    for kind, group in groupby(rows, key=lambda each: each.kind):
        name, meaning = _KINDS[kind]
        lines.append(Content.assemble((name, "bold $primary"), (f"  {meaning}", "dim")))
        lines += [layout.row(each) for each in group]
    return Content("\n").join([*lines, *_benchmarks(findings), *_notes(findings)])


def _benchmarks(findings: Findings) -> list[Content]:
    """Standard benchmarks, where any were asked: two lines for each metric."""
    if not findings.benchmarks:
        return []
    lines = [Content.assemble(("standard benchmarks", "bold $primary"), ("  shown only", "dim"))]
    for score in findings.benchmarks:
        before = score_with_error(score.before, score.before_error)
        after = score_with_error(score.after, score.after_error)
        name = visible(f"{score.task}: {score.metric}")
        lines += [
            Content.assemble(name, (visible(f"  {conditions(score)}"), "dim")),
            Content.assemble(
                f"  {before} → {after}  ",
                (benchmark_change(score), "bold"),
                (f"  {document_changes(score)}", "dim"),
            ),
        ]
    return lines


def _notes(findings: Findings) -> list[Content]:
    return [Content.styled(f"· {visible(note)}", "dim") for note in findings.notes]


class _Layout:
    """How wide each column is; the bar takes what the words leave."""

    def __init__(self, findings: Findings, width: int) -> None:
        self._roomy = width >= _ROOMY
        longest = _TITLE if self._roomy else _SHORT_TITLE
        self._title = min(longest, max(len(each.title) for each in findings.capabilities))
        ends = [abs(end) for each in findings.capabilities for end in (each.low, each.high)]
        self._span = max(*ends, *(1.5 * each.margin for each in findings.capabilities))
        left = width - self._title - (_WORDS + _MORE_WORDS if self._roomy else _WORDS)
        self._bar = min(left, _LONGEST_BAR) if left >= _SHORTEST_BAR else 0

    def header(self) -> Content:
        bar = f"{'':{self._bar}} " if self._bar else ""
        wide = f" {'n':>5} {'sees from':>9}" if self._roomy else ""
        line = f"{'':{self._title}} {'was':>4} {'is':>4} {bar}{'change':<14}"
        return Content.styled(f"{line} lost gain{wide} verdict", "dim")

    def row(self, each: Capability) -> Content:
        look = VERDICT_COLOURS[each.verdict]
        interval = Interval(value=each.change, low=each.low, high=each.high)
        parts: list[Any] = [
            f"{cut(visible(each.title), self._title):<{self._title}} ",
            (f"{each.before:>4.2f} ", "dim"),
            f"{each.after:>4.2f} ",
        ]
        if self._bar:
            bar = interval_bar(
                interval, width=self._bar, span=self._span, margin=each.margin, look=look
            )
            parts += [bar, " "]
        ends = f" ({points(each.low)}…{points(each.high)})"
        parts += [
            (f"{points(each.change):>3}", "bold"),
            (f"{ends:<11}", "dim"),
            f" {each.lost:>4} {each.gained:>4} ",
        ]
        if self._roomy:
            parts.append((f"{each.n:>5} {100 * each.smallest_detectable:>9.0f} ", "dim"))
        return Content.assemble(*parts, *self._verdict(each, look))

    def _verdict(self, each: Capability, look: str) -> list[Any]:
        word = each.verdict or ("shown only" if each.headroom else "no headroom")
        needs = f"  {each.needed:,} items would decide" if each.needed and self._roomy else ""
        return [(word, f"bold {look}"), (needs, "dim")]


class CapabilityPane(VerticalScroll):
    """The table in a pane of its own, laid out again at every width."""

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS = """
    CapabilityPane { & > Static { height: auto; } }
    """

    def __init__(self) -> None:
        """Start empty."""
        super().__init__(id="capabilities", classes="pane")
        self._findings: Findings | None = None

    def compose(self) -> ComposeResult:
        """Lay out the one text."""
        yield Static(id="table")

    def on_mount(self) -> None:
        """Name the pane."""
        self.border_title = "What it kept"

    def show(self, findings: Findings) -> None:
        """Show other findings."""
        self._findings = findings
        margin = f"a loss of up to {size_in_points(findings.margin)} is called kept"
        self.border_subtitle = margin if findings.capabilities else ""
        self._lay_out()

    def on_resize(self) -> None:
        """Lay the columns out for another width."""
        self._lay_out()

    def _lay_out(self) -> None:
        if self._findings and self.size.width:
            table = capability_table(self._findings, self.scrollable_content_region.width)
            self.query_one("#table", Static).update(table)
