"""Is it forgetting: the KL to the base over the steps, between the lines it must not pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.runs.series import Series
from workbench.tui.widgets.common.chart import Chart, Curve, Level

if TYPE_CHECKING:
    from workbench.recipe.recipe import Recipe
    from workbench.runs.view import RunView

_WARN, _LIMIT = 0.1, 0.3
"""KL to base in nats per token where no budget says otherwise."""
_CURVES = (
    ("general", "retention.kl", "first"),
    ("task", "retention.kl_task", "third"),
    ("EWC", "penalty.ewc_kl", "second"),
)


class ForgettingPane(Chart):
    """Measured KL on general and on task text, and what EWC predicts of it."""

    def __init__(self) -> None:
        """Start empty, with the usual lines."""
        super().__init__(
            "KL to base, nats per token",
            words=lambda value: f"{value:.3f}",
            from_zero=True,
            levels=_levels(_WARN, _LIMIT),
            id="forgetting",
        )
        self._measured_at_all = True

    def know(self, recipe: Recipe) -> None:
        """Take the lines of the recipe's budget, if it has one."""
        wanted = recipe.evaluation
        self._measured_at_all = bool(wanted.retention_steps and wanted.general_text)
        if budget := recipe.retention.active().get("budget"):
            values = budget.model_dump()
            self.levels = _levels(values["warn"], values["limit"])

    def show_view(self, view: RunView) -> None:
        """Show a newer view."""
        curves = [
            Curve(label, view.series.get(name, Series()), look) for label, name, look in _CURVES
        ]
        self.show(curves, empty=self._why_empty(view), until=view.status.step)

    def _why_empty(self, view: RunView) -> str:
        if not self._measured_at_all:
            return "switched off in the recipe"
        return "waiting for the first measurement" if view.status.live else "it was not measured"


def _levels(warn: float, limit: float) -> tuple[Level, Level]:
    return Level("warn", warn, "warn"), Level("limit", limit, "limit")
