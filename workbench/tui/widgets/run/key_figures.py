"""Figures of a report that no verdict rests on: target task, retention, KL on the task, noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from workbench.core.sanitize import visible
from workbench.evaluation.analysis.formatting import nats, sample_note, share
from workbench.tui.labels import packed

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.evaluation.analysis.findings import Findings, Interval, TargetTask

_WIDE = 106
"""Cells from which there is room for intervals."""


def figure_lines(findings: Findings, width: int) -> Content:
    """All figures in lines of ``width`` cells, with their intervals where there is room."""
    wide = width >= _WIDE
    figures = _target_task(findings.target_task)
    if findings.retention_index:
        figures.append(_figure("retention index", findings.retention_index, _ratio, wide=wide))
    if findings.kl_task:
        figures.append(_figure("KL on the task", findings.kl_task, nats, wide=wide))
    if findings.noise_floor is not None:
        figures.append(_labelled("noise floor of KL", nats(findings.noise_floor)))
    return packed(figures, width)


def _figure(
    label: str, interval: Interval, format_value: Callable[[float], str], *, wide: bool
) -> Content:
    ends = f" ({format_value(interval.low)} … {format_value(interval.high)})" if wide else ""
    return _labelled(label, format_value(interval.value), ends)


def _labelled(label: str, value: str, more: str = "") -> Content:
    return Content.assemble((f"{visible(label)} ", "dim"), (value, "bold"), (more, "dim"))


def _ratio(value: float) -> str:
    return f"{value:.2f}"


def _target_task(task: TargetTask) -> list[Content]:
    """Its score, if it has one, and the loss on its held-out rows."""
    figures = []
    if task.after is not None:
        score = f"{share(task.before)} → {share(task.after)}"
        figures.append(_labelled(task.name, score, sample_note(task)))
    if task.nll_after is not None:
        figures.append(
            _labelled("held-out loss", f"{nats(task.nll_before)} → {nats(task.nll_after)}")
        )
    return figures
