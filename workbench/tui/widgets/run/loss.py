"""Is it learning: the loss over the steps."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

from textual.reactive import var

from workbench.runs.series import Series
from workbench.tui.widgets.common.chart import Chart, ChartData, Curve
from workbench.tui.widgets.run.live_view import LiveView

if TYPE_CHECKING:
    from workbench.runs.view import RunView

_DATASET_LOSS = "train.loss_of_"
"""The series of one of several datasets, before the dataset's name."""
_LOOKS = ("fourth", "fifth", "sixth")


class LossPane(Chart):
    """Loss of every training step, by dataset where there are several, and of evaluations."""

    view: var[LiveView] = var(LiveView())

    def __init__(self) -> None:
        super().__init__(
            "loss, nats per token", format_value=lambda value: f"{value:.3g}", id="loss"
        )

    def watch_view(self, view: LiveView) -> None:
        """Draw the curves of a newer view."""
        if view.run:
            live = view.run.status.live
            empty = "waiting for the first step" if live else "ended before the first step"
            self.data = ChartData(_curves(view.run), empty, until=view.run.status.step)


def _curves(run: RunView) -> tuple[Curve, ...]:
    names = [name for name in run.series if name.startswith(_DATASET_LOSS)]
    datasets = [
        Curve(name.removeprefix(_DATASET_LOSS), run.series[name], look)
        for name, look in zip(names, cycle(_LOOKS), strict=False)
    ]
    return (
        Curve("train", run.series.get("train.loss", Series()), "first"),
        *datasets,
        Curve("replay", run.series.get("train.loss_replay", Series()), "third"),
        Curve("eval", run.series.get("eval.loss", Series()), "second", marks=True),
    )
