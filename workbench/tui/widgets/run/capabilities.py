"""What was kept and what was lost: one row per suite, grouped by what a fall means."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import var
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
from workbench.tui.finding_styles import VERDICT_COLOURS, interval_bar
from workbench.tui.labels import truncate

if TYPE_CHECKING:
    from typing import Any

    from textual.app import ComposeResult

    from workbench.evaluation.analysis.findings import Capability, Findings
    from workbench.evaluation.suites.items import Measures

_KINDS: dict[Measures, tuple[str, str]] = {
    "knowledge": ("knowledge", "what it knows: a fall is lost knowledge"),
    "behaviour": ("behaviour", "how it answers: a fall may hide knowledge that is still there"),
    "safety": ("safety", "what it refuses: judged separately, never averaged with the rest"),
    "information": ("information", "shown without a verdict"),
}
_TITLE, _SHORT_TITLE = 21, 17
_SHORTEST_BAR, _LONGEST_BAR = 6, 31
_ROOMY = 110
_NARROW_CELLS = 49
"""Cells of a row beside its title and its bar."""
_ROOMY_CELLS = 48
"""Further cells of a roomy row: limit, items, smallest detectable change, items needed."""
_NOTHING = "No capability was measured in this run."


def capability_table(findings: Findings, width: int) -> Content:
    """The whole table, ``width`` cells wide, with benchmarks and notes below."""
    if not findings.capabilities:
        return Content("\n").join([Content(_NOTHING), *_benchmarks(findings), *_notes(findings)])
    layout = _Layout(findings, width)
    lines = [layout.header()]
    order = list(_KINDS)
    by_kind = sorted(findings.capabilities, key=lambda capability: order.index(capability.kind))
    for kind, group in groupby(by_kind, key=lambda capability: capability.kind):
        name, meaning = _KINDS[kind]
        lines.append(Content.assemble((name, "bold $primary"), (f"  {meaning}", "dim")))
        lines += [layout.row(capability) for capability in group]
    return Content("\n").join([*lines, *_benchmarks(findings), *_notes(findings)])


def _benchmarks(findings: Findings) -> list[Content]:
    """Standard benchmarks, if any were run: two lines for each metric."""
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
    return [Content(f"· {visible(note)}") for note in findings.notes]


class _Layout:
    """Column widths; the bar takes the room that the other columns leave."""

    def __init__(self, findings: Findings, width: int) -> None:
        self._roomy = width >= _ROOMY
        longest = _TITLE if self._roomy else _SHORT_TITLE
        capabilities = findings.capabilities
        self._title = min(longest, max(len(capability.title) for capability in capabilities))
        ends = [abs(end) for one in capabilities for end in (one.low, one.high)]
        self._span = max(*ends, *(1.5 * capability.margin for capability in capabilities))
        others = _NARROW_CELLS + (_ROOMY_CELLS if self._roomy else 0)
        left = width - self._title - others
        self._bar = min(left, _LONGEST_BAR) if left >= _SHORTEST_BAR else 0

    def header(self) -> Content:
        bar = f"{'':{self._bar}} " if self._bar else ""
        wide = f" {'limit':>5} {'n':>5} {'detects':>9}" if self._roomy else ""
        line = f"{'':{self._title}} {'was':>4} {'is':>4} {bar}{'change':<14}"
        return Content.styled(f"{line} lost gain{wide} verdict", "dim")

    def row(self, capability: Capability) -> Content:
        look = VERDICT_COLOURS[capability.verdict]
        parts: list[Any] = [
            f"{truncate(visible(capability.title), self._title):<{self._title}} ",
            (f"{capability.before:>4.2f} ", "dim"),
            f"{capability.after:>4.2f} ",
            *self._interval(capability, look),
            (f"{points(capability.change):>3}", "bold"),
            (f"{f' ({points(capability.low)}…{points(capability.high)})':<11}", "dim"),
            f" {capability.lost:>4} {capability.gained:>4} ",
        ]
        if self._roomy:
            detectable = 100 * capability.smallest_detectable
            limit = points(-capability.margin)
            parts.append((f"{limit:>5} {capability.n:>5} {detectable:>9.0f} ", "dim"))
        return Content.assemble(*parts, *self._verdict(capability, look))

    def _interval(self, capability: Capability, look: str) -> list[Any]:
        if not self._bar:
            return []
        interval = Interval(value=capability.change, low=capability.low, high=capability.high)
        margin = capability.margin
        bar = interval_bar(interval, width=self._bar, span=self._span, margin=margin, look=look)
        return [bar, " "]

    def _verdict(self, capability: Capability, look: str) -> list[Any]:
        verdict = capability.verdict or ("shown only" if capability.headroom else "no headroom")
        needed = capability.needed if self._roomy else 0
        needs = f"  {needed:,} items would decide" if needed else ""
        return [(verdict, f"bold {look}"), (needs, "dim")]


class CapabilityPane(VerticalScroll):
    """A pane with the table, laid out again for every width."""

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS: ClassVar[str] = """
    CapabilityPane { & > Static { height: auto; } }
    """

    findings: var[Findings | None] = var(None)

    def __init__(self) -> None:
        super().__init__(id="capabilities", classes="pane")
        self.border_title = "What it kept"

    def compose(self) -> ComposeResult:
        yield Static(id="table")

    def watch_findings(self, findings: Findings | None) -> None:
        if findings and findings.capabilities:
            margin = size_in_points(findings.margin)
            self.border_subtitle = f"a loss of up to {margin} counts as kept"
        self._lay_out()

    def on_resize(self) -> None:
        """Lay the columns out for another width."""
        self._lay_out()

    def _lay_out(self) -> None:
        if self.findings and self.size.width:
            table = capability_table(self.findings, self.scrollable_content_region.width)
            self.query_one("#table", Static).update(table)
