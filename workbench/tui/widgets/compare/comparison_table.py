"""The runs that can be compared, which of them are, and their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.reactive import var

from workbench.tui.commands import command
from workbench.tui.finding_styles import measure_text, verdict_text
from workbench.tui.labels import run_letter
from workbench.tui.widgets.common.plot import LOOKS
from workbench.tui.widgets.common.text_table import TextTable
from workbench.tui.widgets.compare.comparison_view import ComparisonView

if TYPE_CHECKING:
    from workbench.evaluation.analysis.comparison import ComparisonRow
    from workbench.evaluation.analysis.findings import Interval
    from workbench.runs.run_index import RunRow

_BAND = ("learned", "leak", "KL")
_NUMBERS = ("kept", "ΔNLL")
_COLUMNS = ("", "run", "verdict", *_BAND, *_NUMBERS, "next")
_COLOURS = tuple(LOOKS.values())


class ComparisonTable(TextTable):
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
            return self._compared(compared, place, view)
        return self._loss_only(row, place)

    def _loss_only(self, row: RunRow, place: int) -> list[Text]:
        status = Text(row.status.label, "dim")
        rest = [Text("-"), Text("-"), Text("-"), *_numbers(None, None), Text("")]
        return [self._letter(place), Text(row.name, "bold"), status, *rest]

    def _compared(self, compared: ComparisonRow, place: int, view: ComparisonView) -> list[Text]:
        colours = self.app.theme_variables
        front = " ◆" if view.keeping in compared.fronts else "  "
        band = view.bands[compared.run]
        parts = {part.label: part for part in band.parts}
        step = band.next_steps[0].text if band.next_steps else ""
        return [
            Text.assemble(self._letter(place), (front, colours["accent"])),
            Text(compared.name, "bold"),
            verdict_text(band.verdict, colours),
            *(measure_text(parts[label], colours) for label in _BAND),
            *_numbers(compared.retention_index, compared.delta_nll),
            Text(step),
        ]

    def _letter(self, place: int) -> Text:
        return Text(run_letter(place), f"bold {self.app.theme_variables[_COLOURS[place]]}")


def _not_compared(row: RunRow, *, selected: bool) -> list[Text]:
    """A run that is not selected, or whose files are still being read."""
    texts = ["…" if selected else "·", row.name]
    return [Text(text, "dim") for text in texts] + [Text("") for _ in _COLUMNS[len(texts) :]]


def _numbers(index: Interval | None, delta: Interval | None) -> list[Text]:
    texts = _value(index, ".2f"), _value(delta, "+.3f")
    return [Text(text, justify="right") for text in texts]


def _value(interval: Interval | None, spec: str) -> str:
    return format(interval.value, spec) if interval else "-"
