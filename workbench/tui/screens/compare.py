"""Compare: what each run learned against what it kept, and what was done differently."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widgets import Footer, Static

from workbench.core.sanitize import visible
from workbench.tui.commands import command
from workbench.tui.comparison_reader import ComparisonReader
from workbench.tui.labels import run_letter
from workbench.tui.messages import OpenReport
from workbench.tui.screens.base import PANE_KEYS, PanedScreen
from workbench.tui.widgets.common.chart import Chart, ChartData, Curve
from workbench.tui.widgets.common.plot import LOOKS
from workbench.tui.widgets.common.top_bar import TopBar
from workbench.tui.widgets.compare.comparison_table import ComparisonTable
from workbench.tui.widgets.compare.comparison_view import ComparisonView
from workbench.tui.widgets.compare.differences import Differences
from workbench.tui.widgets.compare.plane import Plane
from workbench.tui.widgets.compare.plane_data import RETENTION_TITLES, plane_data

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult
    from textual.worker import Worker

    from workbench.runs.folder import RunFolder
    from workbench.runs.run_index import RunRow
    from workbench.tui.comparison_reader import ComparedRuns

_MAX_RUNS = len(LOOKS)
_INITIAL_RUNS = 4
"""The newest runs with a report are compared at first."""
_EMPTY = "add runs with a report: space adds or removes one"
_NO_REPORT = "what they kept is known once they have a report"
_NO_LOSS = "no loss was recorded"


@dataclass
class RunsCompared(Message):
    """The selected runs side by side, as they are now."""

    compared: ComparedRuns


class CompareScreen(PanedScreen):
    """The plane, the differing fields and the losses of up to six runs."""

    CSS_PATH = "compare.tcss"
    ABOUT = (
        "Each run is a point: the higher, the more it learned; the x axis shows what it kept or "
        "forgot. No other run beats those on the Pareto front on both axes. x changes the "
        "retention axis: the retention index, the KL to the base, or the change of the loss on "
        "general text; p adds published results of another model for orientation. The loss of a "
        "live run is followed; the rest comes with its report."
    )
    PANES = ("plane", "differences", "losses")
    RECURRING = frozenset({"compare"})
    BINDINGS: ClassVar = [
        command("space", "add_remove", "In/out", "Add the highlighted run, or remove it."),
        command("w", "sweep", "Sweep", "Compare the whole sweep of the highlighted run."),
        command("x", "axis", "Axis", "Change the retention axis."),
        command("p", "prior", "Prior", "Show published results in grey, or hide them."),
        command("r", "report", "Report", "Read the report of the highlighted run."),
        *PANE_KEYS,
    ]

    view: var[ComparisonView] = var(ComparisonView())
    """What is shown now; the table binds to it."""

    def __init__(self) -> None:
        super().__init__()
        self._selected: dict[str, RunFolder] | None = None
        """The runs to compare; None until the first are selected."""
        self._reader = ComparisonReader()
        self._comparing: Worker[None] | None = None
        self._compare_again = False
        self._last_seen: object = None
        self._shown_errors: set[str] = set()

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield ComparisonTable().data_bind(CompareScreen.view)
        with Container(id="panes"):
            yield Plane("learned against kept", id="plane")
            yield Differences()
            yield Chart(
                "loss, nats per token", format_value=lambda value: f"{value:.3g}", id="losses"
            )
        yield Static(id="notes")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        self.show_pane("plane")
        self.watch(self.workbench, "rows", self._follow)

    # Reading the selected runs

    def _follow(self, rows: tuple[RunRow, ...]) -> None:
        """Offer the runs that can be compared, and read selected ones again that have changed."""
        offered = tuple(filter(_can_compare, rows))
        if self._selected is None and (reported := [r for r in offered if r.snapshot.has_report]):
            self._selected = {row.run.id: row.run for row in reported[:_INITIAL_RUNS]}
        selected = tuple(self._selected or {})
        seen = [(row.run.id, row.stamp) for row in offered if row.run.id in selected]
        if seen != self._last_seen:
            self._last_seen = seen
            self.compare()
        self.view = replace(self.view, rows=offered, selected=selected)

    def compare(self) -> None:
        """Compare the selected runs, or, while that is under way, once more afterwards."""
        self._compare_again = self._comparing is not None and not self._comparing.is_finished
        if not self._compare_again:
            self._comparing = self._compare(list((self._selected or {}).values()))

    @work(thread=True, group="compare", name="comparing the runs")
    def _compare(self, runs: list[RunFolder]) -> None:
        self.post_message(RunsCompared(self._reader.compare(runs)))

    @on(RunsCompared)
    def _show_compared(self, message: RunsCompared) -> None:
        self._comparing = None
        for error in message.compared.errors:
            if error not in self._shown_errors:
                self._shown_errors.add(error)
                self.notify(error, severity="warning", markup=False)
        self.view = replace(self.view, compared=message.compared)
        if self._compare_again:
            self.compare()

    # Showing them

    def watch_view(self, view: ComparisonView) -> None:
        with self.app.batch_update():
            data = plane_data(view.comparison, view.keeping, view.prior)
            self.query_one(Plane).data = replace(data, empty=_why_no_marks(view))
            self.query_one(Differences).comparison = view.comparison
            self.query_one("#losses", Chart).data = _losses(view)
            self._show_notes(view)
        self.refresh_bindings()

    def _show_notes(self, view: ComparisonView) -> None:
        notes = list(view.comparison.notes) if view.comparison and view.runs else []
        if view.prior:
            notes.append(f"grey: {view.prior.caution}")
        lines = [Content.styled(f"· {visible(note)}", "$text-warning") for note in notes]
        static = self.query_one("#notes", Static)
        static.display = bool(lines)
        static.update(Content("\n").join(lines))

    # Keys

    @on(ComparisonTable.RowSelected)
    def _entered(self) -> None:
        self.action_add_remove()

    def action_add_remove(self) -> None:
        """Add the highlighted run to the comparison, or remove it."""
        row = self.query_one(ComparisonTable).highlighted_row
        if row is None:
            return
        selected = dict(self._selected or {})
        if row.run.id in selected:
            del selected[row.run.id]
        elif len(selected) == _MAX_RUNS:
            self.notify(f"At most {_MAX_RUNS} runs can be compared: remove one first.")
        else:
            selected[row.run.id] = row.run
        self._select(selected.values())

    def action_sweep(self) -> None:
        """Compare the sweep of the highlighted run, as many of its runs as there is room for."""
        from workbench.runs.sweeps import sweep_of

        row = self.query_one(ComparisonTable).highlighted_row
        sweep = sweep_of(row.run) if row else ""
        if not sweep:
            self.notify("The highlighted run belongs to no sweep: 'ftwb sweep' starts one.")
            return
        by_age = sorted(self.view.rows, key=lambda row: row.status.created)
        runs = [row.run for row in by_age if sweep_of(row.run) == sweep]
        if len(runs) > _MAX_RUNS:
            self.notify(f"Comparing the first {_MAX_RUNS} of {len(runs)}; space changes them.")
        self._select(runs[:_MAX_RUNS])

    def _select(self, runs: Iterable[RunFolder]) -> None:
        self._selected = {run.id: run for run in runs}
        self.view = replace(self.view, selected=tuple(self._selected))
        self.compare()

    def action_axis(self) -> None:
        """Put the next measure of retention on the x axis."""
        from workbench.evaluation.analysis.comparison import RETENTION_METRICS

        following = RETENTION_METRICS.index(self.view.keeping) + 1
        self.show_pane("plane")
        self.view = replace(
            self.view, keeping=RETENTION_METRICS[following % len(RETENTION_METRICS)]
        )

    def action_prior(self) -> None:
        """Show the published results, on the axis they were measured on, or hide them."""
        from workbench.evaluation.analysis.published_results import published_table

        if self.view.prior:
            self.view = replace(self.view, prior=None)
        else:
            self.show_pane("plane")
            self.view = replace(self.view, prior=published_table(), keeping="delta_nll")

    def action_report(self) -> None:
        """Read the report of the highlighted run."""
        if row := self.query_one(ComparisonTable).highlighted_row:
            self.post_message(OpenReport(row.run))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey what needs a run while there is none."""
        del parameters
        if action in ("add_remove", "sweep", "report"):
            return True if self.view.rows else None
        return True


def _can_compare(row: RunRow) -> bool:
    return row.snapshot.has_report or row.loss is not None


def _why_no_marks(view: ComparisonView) -> str:
    if view.runs:
        return f"none of these runs has a {RETENTION_TITLES[view.keeping]}: x changes the axis"
    return _NO_REPORT if view.losses else _EMPTY


def _losses(view: ComparisonView) -> ChartData:
    looks = list(LOOKS)
    curves = tuple(
        Curve(run_letter(place), view.losses[run], looks[place])
        for run, place in view.places.items()
        if run in view.losses
    )
    return ChartData(curves, empty=_NO_LOSS if view.places else _EMPTY)
