"""Is it forgetting: the KL to the base over the steps, between its warning and its limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.reactive import var

from workbench.runs.series import Series
from workbench.tui.widgets.common.chart import Chart, ChartData, Curve, Level
from workbench.tui.widgets.run.live_view import LiveView

if TYPE_CHECKING:
    from workbench.recipe.recipe import Recipe

_WARN, _LIMIT = 0.1, 0.3
"""KL to base in nats per token where the recipe has no budget."""
_CURVES = (
    ("general", "retention.kl", "first"),
    ("task", "retention.kl_task", "third"),
    ("EWC", "penalty.ewc_kl", "second"),
)


class ForgettingPane(Chart):
    """KL measured on general text and on the task, and the KL that EWC predicts."""

    view: var[LiveView] = var(LiveView())

    def __init__(self) -> None:
        super().__init__(
            "KL to base, nats per token",
            format_value=lambda value: f"{value:.3f}",
            from_zero=True,
            id="forgetting",
        )

    def watch_view(self, view: LiveView) -> None:
        """Draw the curves of a newer view, and the levels of its recipe."""
        if view.run:
            series = view.run.series
            curves = tuple(
                Curve(label, series.get(name, Series()), look) for label, name, look in _CURVES
            )
            step = view.run.status.step
            self.data = ChartData(curves, _why_empty(view), step, _levels(view.recipe))


def _levels(recipe: Recipe | None) -> tuple[Level, Level]:
    """Warning and limit of the recipe's budget, or the usual ones."""
    warn, limit = _WARN, _LIMIT
    if recipe and (budget := recipe.retention.active().get("budget")):
        values = budget.model_dump()
        warn, limit = values["warn"], values["limit"]
    return Level("warn", warn, "warn"), Level("limit", limit, "limit")


def _why_empty(view: LiveView) -> str:
    if view.recipe:
        evaluation = view.recipe.evaluation
        if not (evaluation.retention_steps and evaluation.general_text):
            return "switched off in the recipe"
    live = view.run is not None and view.run.status.live
    return "waiting for the first measurement" if live else "not measured"
