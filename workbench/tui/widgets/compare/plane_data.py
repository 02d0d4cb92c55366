"""A comparison as marks on the learn-versus-forget plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.evaluation.analysis.comparison import RetentionMetric, base_value, higher_is_better
from workbench.tui.labels import run_letter
from workbench.tui.widgets.common.plot import LOOKS
from workbench.tui.widgets.compare.plane import Mark, PlaneData

if TYPE_CHECKING:
    from workbench.evaluation.analysis.comparison import Comparison
    from workbench.evaluation.analysis.published_results import PublishedTable

RETENTION_TITLES: dict[RetentionMetric, str] = {
    "retention_index": "retention index",
    "kl_general": "KL to base, nats/token",
    "delta_nll": "ΔNLL, nats/token",
}
_LEARNED = {"score": "target score", "nll": "nats gained on held-out rows"}


def plane_data(
    comparison: Comparison | None, keeping: RetentionMetric, prior: PublishedTable | None
) -> PlaneData:
    """Marks for the base, for every run that has both numbers, and for published results if any.

    Published results appear only on the axes they were measured on: score against change of loss.
    """
    if comparison is None or not comparison.runs:
        return PlaneData()
    runs = _runs(comparison, keeping)
    shown = prior if keeping == "delta_nll" and comparison.learned_as == "score" else None
    published = [
        Mark(row.delta_nll, row.score, "·", row.name, "axis")
        for row in (shown.rows if shown else ())
    ]
    base = []
    if runs and comparison.base is not None:
        base = [Mark(base_value(keeping), comparison.base, "○", "base", "axis")]
    front = {compared.run for compared in comparison.runs if keeping in compared.fronts}
    return PlaneData(
        marks=(*published, *base, *runs.values()),
        front=tuple(mark for run, mark in runs.items() if run in front),
        better="up and right" if higher_is_better(keeping) else "up and left",
        x_title=RETENTION_TITLES[keeping],
        y_title=_LEARNED[comparison.learned_as],
    )


def _runs(comparison: Comparison, keeping: RetentionMetric) -> dict[str, Mark]:
    looks = zip(comparison.runs, LOOKS, strict=False)
    return {
        compared.run: Mark(kept, compared.learned, run_letter(place), compared.name, look)
        for place, (compared, look) in enumerate(looks)
        if compared.learned is not None and (kept := compared.retained(keeping)) is not None
    }
