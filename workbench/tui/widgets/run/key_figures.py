"""The key figures of a report: target task, retention, divergence and leak."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.reactive import var
from textual.widgets import Static

from workbench.core.sanitize import visible
from workbench.evaluation.analysis.formatting import nats, points, rating, sample_note, share
from workbench.tui.finding_styles import RATING_COLOURS
from workbench.tui.labels import packed

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.evaluation.analysis.findings import Findings, Interval, TargetTask
    from workbench.evaluation.analysis.formatting import RatedMeasure

_WIDE = 106
"""Cells from which there is room for intervals."""
_MEASURES: dict[RatedMeasure, str] = {
    "kl_general": "KL to base",
    "delta_nll": "ΔNLL",
    "domain_leak": "leak, points",
}


class KeyFigures(Static):
    """As few lines as the width allows."""

    DEFAULT_CSS: ClassVar[str] = """
    KeyFigures { height: auto; max-height: 3; padding: 0 2; }
    """

    findings: var[Findings | None] = var(None)

    def watch_findings(self) -> None:
        self._lay_out()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        width = self.content_size.width
        if self.findings and width:
            self.update(figure_lines(self.findings, width))


def figure_lines(findings: Findings, width: int) -> Content:
    """All figures in lines of ``width`` cells, with their intervals where there is room."""
    wide = width >= _WIDE
    figures = _target_task(findings.target_task)
    if findings.retention_index:
        figures.append(_figure("retention index", findings.retention_index, _ratio, wide=wide))
    for measure, label in _MEASURES.items():
        if interval := getattr(findings, measure):
            look = RATING_COLOURS[rating(measure, interval.value)]
            format_value = points if measure == "domain_leak" else nats
            figures.append(_figure(label, interval, format_value, wide=wide, look=f"bold {look}"))
    if findings.kl_task and wide:
        figures.append(_figure("KL on the task", findings.kl_task, nats, wide=wide))
    if findings.noise_floor is not None and wide:
        noise = Content.assemble(("noise floor ", "dim"), (nats(findings.noise_floor), "bold"))
        figures.append(noise)
    return packed(figures, width)


def _figure(
    label: str,
    interval: Interval,
    format_value: Callable[[float], str],
    *,
    wide: bool,
    look: str = "bold",
) -> Content:
    ends = f" ({format_value(interval.low)} … {format_value(interval.high)})" if wide else ""
    return Content.assemble(
        (f"{label} ", "dim"), (format_value(interval.value), look), (ends, "dim")
    )


def _ratio(value: float) -> str:
    return f"{value:.2f}"


def _target_task(task: TargetTask) -> list[Content]:
    """Its score, if it has one, and the loss on its held-out rows."""
    figures = []
    if task.after is not None:
        score = f"{share(task.before)} → {share(task.after)}"
        label = (f"{visible(task.name)} ", "dim")
        figures.append(Content.assemble(label, (score, "bold"), (sample_note(task), "dim")))
    if task.nll_after is not None:
        nll = f"{nats(task.nll_before)} → {nats(task.nll_after)}"
        figures.append(Content.assemble(("held-out loss ", "dim"), (nll, "bold")))
    return figures
