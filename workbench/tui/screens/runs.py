"""Runs: every run, live and past, in one list."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Footer, Static

from workbench.core.formatting import age, compact
from workbench.core.sanitize import visible
from workbench.tui.commands import command
from workbench.tui.finding_styles import verdict_text
from workbench.tui.labels import bar, truncate
from workbench.tui.messages import OpenRun
from workbench.tui.screens.run_screen import RunScreen
from workbench.tui.state_labels import state_text
from workbench.tui.widgets.common.text_table import TextTable
from workbench.tui.widgets.common.top_bar import TopBar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from workbench.runs.run_index import RunRow

_COLUMNS = ("state", "name", "verdict", "strategy", "model", "progress", "step", "loss", "age")
_NARROW_COLUMNS = ("state", "name", "verdict", "strategy", "step", "loss", "age", "model")
_NUMBERS = ("step", "loss", "age")
_WIDE = 100
_BAR = 12
_MODEL_CELLS = 16
"""Width of the model column on narrow terminals."""
_ERROR_CELLS = 60
_EMPTY = (
    "No runs yet.\n\n"
    "Press 1 to fill in a recipe and launch it,\n"
    "or start one from a shell: ftwb train lora"
)


class RunTable(TextTable):
    """The table of runs."""

    BINDINGS: ClassVar = [
        command("enter", "select_cursor", "Open", "Watch the selected run: loss, memory, log.")
    ]


class RunsScreen(RunScreen):
    """All runs, as their folders describe them; run actions apply to the selected one."""

    CSS_PATH = "runs.tcss"
    ABOUT = (
        "All runs in the runs folder, newest first. A run continues without this screen: its state "
        "is read from its folder, and a run whose worker died unexpectedly is shown as lost. Keys "
        "apply to the selected run."
    )
    OMITTED_ACTIONS = frozenset({"live"})

    def __init__(self) -> None:
        super().__init__()
        self._wide: bool | None = None

    def compose(self) -> ComposeResult:
        yield TopBar()
        with Vertical(classes="pane", id="list"):
            yield Static(_EMPTY, id="empty", markup=False)
            yield RunTable(cursor_type="row", id="table")
        yield Static(id="reason", markup=False)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        self.query_one("#list").border_title = "Runs"
        self.watch(self.workbench, "rows", self._show_rows)
        self.watch(self.workbench, "bands", lambda: self._show_rows(self.workbench.rows))
        self.watch(self.workbench, "listed", lambda: self._show_rows(self.workbench.rows))

    def on_resize(self) -> None:
        """Show the progress bar only where there is room for it."""
        self._show_rows(self.workbench.rows)

    def _show_rows(self, rows: tuple[RunRow, ...]) -> None:
        table = self.query_one(RunTable)
        if self._wide != (wide := self.size.width >= _WIDE):
            self._wide = wide
            self._add_columns()
        colours = self.app.theme_variables  # computed on every access
        table.display = bool(rows)
        self.query_one("#empty").display = self.workbench.listed and not rows
        with self.app.batch_update():
            if [key.value for key in table.rows] != [row.run.id for row in rows]:
                self._rebuild(rows, colours)
            for row in rows:
                self._update(row, colours)
        self._select()

    def _add_columns(self) -> None:
        table = self.query_one(RunTable)
        table.clear(columns=True)
        for name in self._columns():
            label = Text(name, justify="right" if name in _NUMBERS else "left")
            table.add_column(label, key=name)

    def _columns(self) -> tuple[str, ...]:
        return _COLUMNS if self._wide else _NARROW_COLUMNS

    def _rebuild(self, rows: tuple[RunRow, ...], colours: Mapping[str, str]) -> None:
        table = self.query_one(RunTable)
        selected = self._selected_row()
        table.clear()
        for row in rows:
            table.add_row(*self._cells(row, colours), key=row.run.id)
        if selected:
            table.move_cursor(row=table.get_row_index(selected.run.id))

    def _update(self, row: RunRow, colours: Mapping[str, str]) -> None:
        table = self.query_one(RunTable)
        for name, cell in zip(self._columns(), self._cells(row, colours), strict=True):
            if table.get_cell(row.run.id, name) != cell:
                table.update_cell(row.run.id, name, cell, update_width=True)

    def _cells(self, row: RunRow, colours: Mapping[str, str]) -> list[Text]:
        cells = {
            "state": state_text(row.status, colours),
            "name": Text(row.name, "bold"),
            "verdict": self._verdict(row, colours),
            "strategy": Text(row.strategy),
            "model": self._model(row, colours),
            "progress": _progress(row, colours),
            **dict(zip(_NUMBERS, _numbers(row), strict=True)),
        }
        return [cells[name] for name in self._columns()]

    def _model(self, row: RunRow, colours: Mapping[str, str]) -> Text:
        """The base model, or what is wrong with the folder of the run."""
        if row.error:
            return Text(truncate(visible(row.error), _ERROR_CELLS), colours["error"])
        return Text(row.model if self._wide else _short_model(row.model))

    def _verdict(self, row: RunRow, colours: Mapping[str, str]) -> Text:
        """What its report says, in a word."""
        reading = self.workbench.bands.get(row.run.id)
        if reading is None or reading.band is None or not row.snapshot.has_report:
            return Text("")
        return verdict_text(reading.band.verdict, colours)

    def _selected_row(self) -> RunRow | None:
        table = self.query_one(RunTable)
        if not table.is_valid_row_index(table.cursor_row):
            return None
        key = table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value
        return next((row for row in self.workbench.rows if row.run.id == key), None)

    def on_data_table_row_highlighted(self) -> None:
        self._select()

    def _select(self) -> None:
        """Let actions apply to the row under the cursor, and explain its state below the list."""
        row = self._selected_row()
        self.selected_run = row.snapshot if row else None
        self.query_one("#reason", Static).update(_reason(row) if row else "")

    def on_data_table_row_selected(self) -> None:
        if self.selected_run:
            self.post_message(OpenRun(self.selected_run.run))


def _reason(row: RunRow) -> Content:
    step = row.snapshot.resumable_step
    hint = f"   u resumes from step {step:,}" if step else ""
    reason = visible(row.error or row.status.explanation or row.status.label)
    return Content.assemble((row.run.id, "dim"), (hint, "$primary"), f"   {reason}")


def _short_model(model: str) -> str:
    return truncate(model.rpartition("/")[2], _MODEL_CELLS)


def _progress(row: RunRow, colours: Mapping[str, str]) -> Text:
    done, left = bar(row.status.step / row.status.total if row.status.total else 0.0, _BAR)
    return Text.assemble((done, colours["primary"]), (left, colours["panel"]))


def _numbers(row: RunRow) -> list[Text]:
    status = row.status
    steps = f"{status.step:,} / {status.total:,}" if status.total else "-"
    return [
        Text(steps, justify="right"),
        Text("-" if row.loss is None else compact(row.loss), justify="right"),
        Text(age(time.time() - status.created), justify="right"),
    ]
