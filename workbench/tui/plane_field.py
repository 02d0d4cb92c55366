"""A comparison as marks on the learn-versus-forget plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.evaluation.analysis.comparison import RetentionMetric, base_value, higher_is_better
from workbench.tui.labels import letter
from workbench.tui.widgets.common.plot import LOOKS
from workbench.tui.widgets.compare.plane import Field, Mark

if TYPE_CHECKING:
    from workbench.evaluation.analysis.comparison import Comparison
    from workbench.evaluation.analysis.published_results import PublishedTable

TITLES: dict[RetentionMetric, str] = {
    "retention_index": "retention index",
    "kl_general": "KL to base, nats/token",
    "delta_nll": "ΔNLL, nats/token",
}
_LEARNED = {"score": "target score", "nll": "nats won on held-out rows"}


def plane_field(
    comparison: Comparison | None, keeping: RetentionMetric, prior: PublishedTable | None
) -> Field:
    """Marks for the base, every run that has both numbers, and the published rows if any.

    Published rows stand only where they were measured: scores against the change of the loss.
    """
    if comparison is None or not comparison.runs:
        return Field()
    runs = _runs(comparison, keeping)
    shown = prior if keeping == "delta_nll" and comparison.learned_as == "score" else None
    published = [
        Mark(row.delta_nll, row.score, "·", row.name, "axis")
        for row in (shown.rows if shown else ())
    ]
    base = []
    if runs and comparison.base is not None:
        base = [Mark(base_value(keeping), comparison.base, "○", "base", "axis")]
    front = {each.run for each in comparison.runs if keeping in each.fronts}
    return Field(
        marks=(*published, *base, *runs.values()),
        front=tuple(mark for run, mark in runs.items() if run in front),
        better="up and right" if higher_is_better(keeping) else "up and left",
        x_title=TITLES[keeping],
        y_title=_LEARNED[comparison.learned_as],
    )


def _runs(comparison: Comparison, keeping: RetentionMetric) -> dict[str, Mark]:
    looks = zip(comparison.runs, LOOKS, strict=False)
    return {
        each.run: Mark(kept, each.learned, letter(place), each.name, look)
        for place, (each, look) in enumerate(looks)
        if each.learned is not None and (kept := each.retained(keeping)) is not None
    }
