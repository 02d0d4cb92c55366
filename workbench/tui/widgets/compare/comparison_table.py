"""The runs that can be compared, which of them are, and their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.reactive import var
from textual.widgets import DataTable

from workbench.core.formatting import percent
from workbench.tui.commands import command
from workbench.tui.labels import run_letter
from workbench.tui.widgets.common.plot import LOOKS
from workbench.tui.widgets.compare.comparison_view import ComparisonView

if TYPE_CHECKING:
    from workbench.evaluation.analysis.comparison import ComparisonRow, RetentionMetric
    from workbench.evaluation.analysis.findings import Interval, TargetTask, Verdict
    from workbench.runs.run_index import RunRow

_COLUMNS = ("", "run", "learned", "kept", "KL", "ΔNLL", "verdict")
_NUMBERS = ("learned", "kept", "KL", "ΔNLL")
_COLOURS = tuple(LOOKS.values())
_VERDICT_COLOURS: dict[Verdict, str] = {
    "PASS": "success",
    "FAIL": "error",
    "INCONCLUSIVE": "warning",
}


class ComparisonTable(DataTable[Text]):
    """All runs with a report or a loss; those in the comparison have a letter."""

    BINDINGS: ClassVar = [
        command("enter", "select_cursor", "In/out", "Add or remove the run.", footer=False)
    ]
    DEFAULT_CSS: ClassVar[str] = """
    ComparisonTable {
        background: transparent;
        & > .datatable--header { background: transparent; color: $text-muted; text-style: none; }
    }
    """

    view: var[ComparisonView] = var(ComparisonView())

    def __init__(self) -> None:
        super().__init__(cursor_type="row", id="runs", classes="pane")
        self.border_title = "Runs with a report or a loss"

    def on_mount(self) -> None:
        for name in _COLUMNS:
            self.add_column(Text(name, justify="right" if name in _NUMBERS else "left"))

    def watch_view(self, view: ComparisonView) -> None:
        """Show letters and numbers for the runs that are compared, and the names of the others."""
        cells = {row.run.id: self._cells(row, view) for row in view.rows}
        if [self.get_row(key) for key in self.rows] == list(cells.values()):
            return
        cursor = self.cursor_row
        self.clear()
        for run, line in cells.items():
            self.add_row(*line, key=run)
        self.move_cursor(row=cursor)

    @property
    def highlighted_row(self) -> RunRow | None:
        """The run under the cursor."""
        if not self.is_valid_row_index(self.cursor_row):
            return None
        key = self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value
        return next((row for row in self.view.rows if row.run.id == key), None)

    def _cells(self, row: RunRow, view: ComparisonView) -> list[Text]:
        run, place = row.run.id, view.places.get(row.run.id)
        if place is None:
            return _not_compared(row, selected=run in view.selected)
        if compared := view.runs.get(run):
            return self._compared(compared, place, view.keeping)
        return self._loss_only(row, place)

    def _loss_only(self, row: RunRow, place: int) -> list[Text]:
        dashes = [Text("-", justify="right") for _ in _NUMBERS]
        status = Text(row.status.label, "dim")
        return [self._letter(place), Text(row.name, "bold"), *dashes, status]

    def _compared(
        self, compared: ComparisonRow, place: int, keeping: RetentionMetric
    ) -> list[Text]:
        colours = self.app.theme_variables
        front = " ◆" if keeping in compared.fronts else "  "
        return [
            Text.assemble(self._letter(place), (front, colours["accent"])),
            Text(compared.name, "bold"),
            *_numbers(compared),
            Text(compared.verdict, colours[_VERDICT_COLOURS[compared.verdict]]),
        ]

    def _letter(self, place: int) -> Text:
        return Text(run_letter(place), f"bold {self.app.theme_variables[_COLOURS[place]]}")


def _not_compared(row: RunRow, *, selected: bool) -> list[Text]:
    """A run that is not selected, or whose files are still being read."""
    texts = ["…" if selected else "·", row.name]
    return [Text(text, "dim") for text in texts] + [Text("") for _ in _COLUMNS[len(texts) :]]


def _numbers(compared: ComparisonRow) -> list[Text]:
    return [
        Text(_learned(compared.target_task), justify="right"),
        Text(_value(compared.retention_index, ".2f"), justify="right"),
        Text(_value(compared.kl_general, ".3f"), justify="right"),
        Text(_value(compared.delta_nll, "+.3f"), justify="right"),
    ]


def _value(interval: Interval | None, spec: str) -> str:
    return format(interval.value, spec) if interval else "-"


def _learned(task: TargetTask) -> str:
    if task.after is not None:
        return percent(task.after)
    if task.nll_before is not None and task.nll_after is not None:
        return f"{task.nll_before - task.nll_after:.2f} nats"
    return "-"
