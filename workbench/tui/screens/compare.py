"""Compare: what each run learned against what it kept, and what was done differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widgets import Footer, Static

from workbench.core.sanitize import visible
from workbench.tui.commands import command
from workbench.tui.comparison_reader import ComparisonReader
from workbench.tui.labels import letter
from workbench.tui.messages import OpenReport
from workbench.tui.plane_field import TITLES, plane_field
from workbench.tui.screens.base import PANE_KEYS, PanedScreen
from workbench.tui.widgets.common.chart import Chart, Curve
from workbench.tui.widgets.common.plot import LOOKS
from workbench.tui.widgets.common.top_bar import TopBar
from workbench.tui.widgets.compare.comparison_table import ComparisonTable, letters_of
from workbench.tui.widgets.compare.differences import Differences
from workbench.tui.widgets.compare.plane import Plane

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.evaluation.analysis.comparison import Comparison, RetentionMetric
    from workbench.evaluation.analysis.published_results import PublishedTable
    from workbench.runs.folder import RunFolder
    from workbench.runs.series import Series
    from workbench.tui.comparison_reader import ComparedRuns
    from workbench.tui.run_index import RunRow

_FIRST = 4
"""Runs that are compared at first: the newest."""
_EMPTY = "choose runs with a report: space takes one in or out"
_UNREPORTED = "what they kept is known once they have a report"
_NO_LOSS = "no loss was recorded"


@dataclass
class RunsCompared(Message):
    """The chosen runs side by side, as they are now."""

    standings: ComparedRuns


class CompareScreen(PanedScreen):
    """The plane, the differing fields and the losses of up to six runs."""

    CSS_PATH = "compare.tcss"
    ABOUT = (
        "Each run is a point: up is more learned, and what was kept or forgotten lies across. Runs "
        "on the Pareto front are beaten by no other on both at once. x changes what is set against "
        "the learning: the retention index, the KL to the base, or the change of the loss on "
        "general text; p adds published rows of another model, as a prior. Of runs at work the "
        "losses are followed; the rest comes with their reports."
    )
    PANES = ("plane", "differences", "losses")
    BINDINGS: ClassVar = [
        command("space", "take", "In/out", "Take the marked run into the comparison, or out."),
        command("w", "sweep", "Sweep", "Compare the whole sweep of the marked run."),
        command("x", "axis", "Axis", "Set something else against what was learned."),
        command("p", "prior", "Prior", "Show published rows in grey, or hide them."),
        command("r", "report", "Report", "Read the marked run's report."),
        *PANE_KEYS,
    ]

    def __init__(self) -> None:
        """Start with nothing chosen."""
        super().__init__()
        self.keeping: RetentionMetric = "retention_index"
        self.comparison: Comparison | None = None
        self.prior: PublishedTable | None = None
        self._chosen: dict[str, RunFolder] | None = None
        self._contest = ComparisonReader()
        self._losses: dict[str, Series] = {}
        self._seen: object = None
        self._comparing = False
        self._again = False
        self._told: set[str] = set()

    def compose(self) -> ComposeResult:
        """Lay out the runs, the plane, the differences and the losses."""
        yield TopBar()
        yield ComparisonTable()
        with Container(id="panes"):
            yield Plane("learned against kept", id="plane")
            yield Differences()
            yield Chart("loss, nats per token", words=lambda value: f"{value:.3g}", id="losses")
        yield Static(id="notes")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Follow the app's list of runs."""
        self.show_pane("plane")
        self._show_panes()
        self.watch(self.workbench, "rows", self._take_rows)

    def _take_rows(self, rows: tuple[RunRow, ...]) -> None:
        """Show the runs that can be compared, and read the chosen ones again that have moved."""
        offered = [row for row in rows if _is_offered(row)]
        if self._chosen is None and (reported := [row for row in offered if row.report]):
            self._chosen = {row.run.id: row.run for row in reported[:_FIRST]}
        chosen = list(self._chosen or {})
        seen = [(row.run.id, row.stamp) for row in offered if row.run.id in chosen]
        if seen != self._seen:
            self._seen = seen
            self.compare()
        self.query_one(ComparisonTable).show(
            offered, chosen, self.comparison, self.keeping, list(self._losses)
        )

    def compare(self) -> None:
        """Set the chosen runs side by side; while that is being done, once more afterwards."""
        self._again = self._comparing
        if not self._comparing:
            self._comparing = True
            self._compare(list((self._chosen or {}).values()))

    @work(thread=True, group="compare", exit_on_error=False)
    def _compare(self, chosen: list[RunFolder]) -> None:
        try:
            standings = self._contest.standings(chosen)
        finally:
            self._comparing = False
        self.post_message(RunsCompared(standings))

    @on(RunsCompared)
    def _show(self, message: RunsCompared) -> None:
        standings = message.standings
        self.comparison, self._losses = standings.comparison, standings.losses
        for trouble in standings.troubles:
            if trouble not in self._told:
                self._told.add(trouble)
                self.notify(trouble, severity="warning", markup=False)
        self._show_all()
        if self._again:
            self.compare()

    def _show_all(self) -> None:
        self._take_rows(self.workbench.rows)
        self._show_panes()

    def _show_panes(self) -> None:
        runs = self.comparison.runs if self.comparison else ()
        field = plane_field(self.comparison, self.keeping, self.prior)
        self.query_one(Plane).show(field, empty=self._nothing_to_place(bool(runs)))
        self.query_one(Differences).show(self.comparison)
        places = letters_of([each.run for each in runs], self._losses)
        looks = list(LOOKS)
        curves = [
            Curve(letter(place), self._losses[run], looks[place])
            for run, place in places.items()
            if run in self._losses
        ]
        self.query_one("#losses", Chart).show(curves, empty=_NO_LOSS if places else _EMPTY, until=0)
        self._show_notes()

    def _nothing_to_place(self, any_runs: bool) -> str:
        if any_runs:
            return f"none of them has a {TITLES[self.keeping]}: x changes it"
        return _UNREPORTED if self._losses else _EMPTY

    def _show_notes(self) -> None:
        notes = list(self.comparison.notes) if self.comparison and self.comparison.runs else []
        if self.prior:
            notes.append(f"grey: {self.prior.caution}")
        lines = [Content.styled(f"· {visible(note)}", "$text-warning") for note in notes]
        static = self.query_one("#notes", Static)
        static.display = bool(lines)
        static.update(Content("\n").join(lines))

    @on(ComparisonTable.RowSelected)
    def _entered(self) -> None:
        self.action_take()

    def action_take(self) -> None:
        """Take the marked run in, or out."""
        row = self.query_one(ComparisonTable).marked()
        if not row:
            return
        chosen = dict(self._chosen or {})
        if row.run.id in chosen:
            del chosen[row.run.id]
        elif len(chosen) == len(LOOKS):
            self.notify(f"{len(LOOKS)} runs at most: take one out first.")
        else:
            chosen[row.run.id] = row.run
        self._chosen = chosen
        self.compare()

    def action_sweep(self) -> None:
        """Compare the sweep of the marked run: as many of its runs as there is room for."""
        from workbench.runs.sweeps import sweep_of

        row = self.query_one(ComparisonTable).marked()
        sweep = sweep_of(row.run) if row else ""
        if not sweep:
            self.notify("The marked run is of no sweep: 'ftwb sweep' starts one.")
            return
        offered = sorted(
            filter(_is_offered, self.workbench.rows), key=lambda each: each.status.created
        )
        swept = [each.run for each in offered if sweep_of(each.run) == sweep]
        if len(swept) > len(LOOKS):
            self.notify(f"The first {len(LOOKS)} of {len(swept)}; space changes them.")
        self._chosen = {run.id: run for run in swept[: len(LOOKS)]}
        self.compare()

    def action_axis(self) -> None:
        """Set the next thing against what was learned."""
        from workbench.evaluation.analysis.comparison import RETENTION_METRICS

        self.keeping = RETENTION_METRICS[
            (RETENTION_METRICS.index(self.keeping) + 1) % len(RETENTION_METRICS)
        ]
        self.show_pane("plane")
        self._show_all()

    def action_prior(self) -> None:
        """Show the published rows, on the one axis that they are measured on, or hide them."""
        from workbench.evaluation.analysis.published_results import published_table

        self.prior = None if self.prior else published_table()
        if self.prior:
            self.keeping = "delta_nll"
            self.show_pane("plane")
        self._show_all()

    def action_report(self) -> None:
        """Read the marked run's report."""
        if row := self.query_one(ComparisonTable).marked():
            self.post_message(OpenReport(row.run))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey what needs a run while there is none."""
        del parameters
        if action in ("take", "sweep", "report") and self.is_mounted:
            return True if any(map(_is_offered, self.workbench.rows)) else None
        return True


def _is_offered(row: RunRow) -> bool:
    """Whether a run has something to compare: a report, or at least a loss."""
    return row.report or row.loss is not None
