"""The runs of a comparison: which are in it, and their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.widgets import DataTable

from workbench.core.formatting import percent
from workbench.tui.commands import command
from workbench.tui.labels import letter
from workbench.tui.widgets.common.plot import LOOKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workbench.evaluation.analysis.comparison import Comparison, ComparisonRow, RetentionMetric
    from workbench.evaluation.analysis.findings import Interval, TargetTask, Verdict
    from workbench.tui.run_index import RunRow

_COLUMNS = ("", "run", "learned", "kept", "KL", "ΔNLL", "verdict")
_NUMBERS = ("learned", "kept", "KL", "ΔNLL")
_COLOURS = tuple(LOOKS.values())
_VERDICT_COLOURS: dict[Verdict, str] = {
    "PASS": "success",
    "FAIL": "error",
    "INCONCLUSIVE": "warning",
}


class ComparisonTable(DataTable[Text]):
    """Every run with a report or a loss; those in the comparison carry a letter."""

    BINDINGS: ClassVar = [
        command("enter", "select_cursor", "In/out", "Take the marked run in or out.", footer=False)
    ]
    DEFAULT_CSS: ClassVar[str] = """
    RunRows {
        background: transparent;
        & > .datatable--header { background: transparent; color: $text-muted; text-style: none; }
    }
    """

    def __init__(self) -> None:
        """Start empty."""
        super().__init__(cursor_type="row", id="runs", classes="pane")
        self._rows: dict[str, RunRow] = {}

    def on_mount(self) -> None:
        """Name pane and columns."""
        self.border_title = "Runs with a report or a loss"
        for name in _COLUMNS:
            self.add_column(Text(name, justify="right" if name in _NUMBERS else "left"))

    def show(
        self,
        rows: Sequence[RunRow],
        chosen: Sequence[str],
        comparison: Comparison | None,
        keeping: RetentionMetric,
        drawn: Sequence[str] = (),
    ) -> None:
        """Show ``rows``, with letters and numbers for those that are compared.

        A run on the Pareto front of what is kept as ``keeping`` is marked; one that is ``drawn``
        and has no report yet has a letter alone.
        """
        known = {each.run: each for each in comparison.runs} if comparison else {}
        letters = letters_of(known, drawn)
        cells = {
            row.run.id: self._compared(known[row.run.id], letters[row.run.id], keeping)
            if row.run.id in known
            else self._at_work(row, letters[row.run.id])
            if row.run.id in letters
            else _left_out(row, row.run.id in chosen)
            for row in rows
        }
        self._rows = {row.run.id: row for row in rows}
        if [self.get_row(key) for key in self.rows] == list(cells.values()):
            return
        marked = self.cursor_row
        self.clear()
        for run, line in cells.items():
            self.add_row(*line, key=run)
        self.move_cursor(row=marked)

    def marked(self) -> RunRow | None:
        """The run under the cursor."""
        if not self.is_valid_row_index(self.cursor_row):
            return None
        key = self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value
        return self._rows.get(str(key))

    def _at_work(self, row: RunRow, place: int) -> list[Text]:
        """A run of which the loss alone is known."""
        mark = Text(letter(place), f"bold {self.app.theme_variables[_COLOURS[place]]}")
        rest = [Text("-", justify="right") for _ in _NUMBERS]
        return [mark, Text(row.name, "bold"), *rest, Text(row.status.label, "dim")]

    def _compared(
        self, compared: ComparisonRow, place: int, keeping: RetentionMetric
    ) -> list[Text]:
        colours = self.app.theme_variables
        front = " ◆" if keeping in compared.fronts else "  "
        mark = (letter(place), f"bold {colours[_COLOURS[place]]}"), (front, colours["accent"])
        return [
            Text.assemble(*mark),
            Text(compared.name, "bold"),
            *_numbers(compared),
            Text(compared.verdict, colours[_VERDICT_COLOURS[compared.verdict]]),
        ]


def letters_of(compared: Iterable[str], drawn: Iterable[str]) -> dict[str, int]:
    """The place of every run that has a letter: those with a report first, then the others."""
    return {run: place for place, run in enumerate(dict.fromkeys([*compared, *drawn]))}


def _left_out(row: RunRow, chosen: bool) -> list[Text]:
    """A run without numbers: not compared, or still being read."""
    words = ["…" if chosen else "·", row.name]
    return [Text(word, "dim") for word in words] + [Text("") for _ in _COLUMNS[len(words) :]]


def _numbers(compared: ComparisonRow) -> list[Text]:
    return [
        Text(_learned(compared.target_task), justify="right"),
        Text(_value(compared.retention_index, ".2f"), justify="right"),
        Text(_value(compared.kl_general, ".3f"), justify="right"),
        Text(_value(compared.delta_nll, "+.3f"), justify="right"),
    ]


def _value(interval: Interval | None, form: str) -> str:
    return format(interval.value, form) if interval else "-"


def _learned(task: TargetTask) -> str:
    if task.after is not None:
        return percent(task.after)
    if task.nll_before is not None and task.nll_after is not None:
        return f"{task.nll_before - task.nll_after:.2f} nats"
    return "-"
