"""Runs: every run, live and past, in one list."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import DataTable, Footer, Static

from workbench.core.sanitize import visible
from workbench.runs.control import refusal
from workbench.tui.commands import command
from workbench.tui.labels import age, bar, cut, short
from workbench.tui.messages import OpenChat, OpenReport, OpenRun
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.states import state_text
from workbench.tui.widgets.common.top_bar import TopBar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from workbench.tui.run_index import RunRow

_COLUMNS = ("state", "name", "strategy", "model", "progress", "step", "loss", "age")
_NUMBERS = ("step", "loss", "age")
_WIDE = 100
_BAR = 12
_MODEL = 16
"""Cells of a model's name where there is little room."""
_EMPTY = (
    "No run yet.\n\n"
    "Press 1 to fill in a recipe and launch it,\n"
    "or start one from a shell: ftwb train lora"
)


class RunTable(DataTable[Text]):
    """The list itself."""

    BINDINGS: ClassVar = [
        command("enter", "select_cursor", "Open", "Watch the marked run: loss, memory, log.")
    ]


class RunsScreen(WorkbenchScreen):
    """The list of runs; it never holds truth, the run folders do."""

    CSS_PATH = "runs.tcss"
    ABOUT = (
        "Every run in the runs folder, newest first. A run goes on without this screen: states are "
        "read from its folder, and a run whose worker has died without a word is called lost."
    )
    BINDINGS: ClassVar = [
        command("c", "chat", "Chat", "Chat with the marked run beside its base model."),
        command("r", "report", "Report", "Read what the marked run learned and forgot."),
        command("s", "stop", "Stop", "Ask the marked run to stop and keep its result."),
        command("k", "checkpoint", "Checkpoint", "Keep the marked run as it is after its step."),
        command("e", "evaluate", "Evaluate", "Let the marked run measure what it knows by now."),
        command("u", "resume", "Resume", "Let the marked run go on from its newest checkpoint."),
        command("y", "recipe", "Recipe", "Read the marked run's recipe as YAML.", footer=False),
        command("l", "log", "Log", "Read the end of the marked run's worker log.", footer=False),
    ]

    def compose(self) -> ComposeResult:
        """Lay out the list, and what to do while it is empty."""
        yield TopBar()
        with Vertical(classes="pane", id="list"):
            yield Static(_EMPTY, id="empty", markup=False)
            yield RunTable(cursor_type="row", id="table")
        yield Static(id="reason", markup=False)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Follow the app's list of runs."""
        self.query_one("#list").border_title = "Runs"
        self._wide: bool | None = None
        self._applies: object = None
        self.watch(self.workbench, "rows", self._show)
        self.watch(self.workbench, "listed", lambda: self._show(self.workbench.rows))

    def on_resize(self) -> None:
        """Leave out the progress bar where there is no room for it."""
        self._show(self.workbench.rows)

    def _lay_columns(self, wide: bool) -> None:
        self._wide = wide
        table = self.query_one(RunTable)
        table.clear(columns=True)
        for name in self._columns():
            label = Text(name, justify="right" if name in _NUMBERS else "left")
            table.add_column(label, key=name)

    def _columns(self) -> tuple[str, ...]:
        return _COLUMNS if self._wide else tuple(name for name in _COLUMNS if name != "progress")

    def _show(self, rows: tuple[RunRow, ...]) -> None:
        table = self.query_one(RunTable)
        if self._wide != (wide := self.size.width >= _WIDE):
            self._lay_columns(wide)
        table.display = bool(rows)
        self.query_one("#empty").display = self.workbench.listed and not rows
        with self.app.batch_update():
            if [key.value for key in table.rows] != [row.run.id for row in rows]:
                self._rebuild(rows)
            for row in rows:
                for name, cell in zip(self._columns(), self._cells(row), strict=True):
                    if table.get_cell(row.run.id, name) != cell:
                        table.update_cell(row.run.id, name, cell, update_width=True)
        self._show_reason()

    def _rebuild(self, rows: tuple[RunRow, ...]) -> None:
        table = self.query_one(RunTable)
        marked = self._marked()
        table.clear()
        for row in rows:
            table.add_row(*self._cells(row), key=row.run.id)
        if marked:
            table.move_cursor(row=table.get_row_index(marked.run.id))

    def _marked(self) -> RunRow | None:
        table = self.query_one(RunTable)
        if not table.is_valid_row_index(table.cursor_row):
            return None
        key = table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value
        return next((row for row in self.workbench.rows if row.run.id == key), None)

    def on_data_table_row_highlighted(self) -> None:
        """Say why the marked run is where it is."""
        self._show_reason()
        self.refresh_bindings()

    def _show_reason(self) -> None:
        row = self._marked()
        text = Content("")
        if row:
            hint = f"   u resumes it from step {row.resumes:,}" if row.resumes else ""
            reason = visible(row.status.explanation or row.status.label)
            text = Content.assemble((row.run.id, "dim"), (hint, "$primary"), f"   {reason}")
        self.query_one("#reason", Static).update(text)
        applies = row and (
            row.status.state,
            row.result,
            row.resumes,
            refusal(row.status, "evaluate"),
        )
        if applies != self._applies:
            self._applies = applies
            self.refresh_bindings()

    def on_data_table_row_selected(self) -> None:
        """Open the run that was clicked or entered."""
        if row := self._marked():
            self.post_message(OpenRun(row.run))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey what does not apply to the marked run."""
        del parameters
        row = self._marked() if self.is_mounted and self.query(RunTable) else None
        match action:
            case "recipe" | "log" | "report":
                return True if row else None
            case "chat":
                return True if row and row.result else None
            case "stop":
                return True if row and (row.status.live or row.status.lost_while_queued) else None
            case "checkpoint" | "evaluate":
                return True if row and not refusal(row.status, "evaluate") else None
            case "resume":
                return True if row and row.resumes else None
        return True

    def action_chat(self) -> None:
        """Chat with the marked run."""
        if row := self._marked():
            self.post_message(OpenChat(row.run))

    def action_report(self) -> None:
        """Read the marked run's report."""
        if row := self._marked():
            self.post_message(OpenReport(row.run))

    def action_stop(self) -> None:
        """Ask before stopping the marked run."""
        from workbench.tui.run_actions import confirm_stop

        if row := self._marked():
            confirm_stop(self, row.run)

    def action_checkpoint(self) -> None:
        """Ask the marked run for a checkpoint."""
        from workbench.tui.run_actions import ask_worker

        if row := self._marked():
            ask_worker(self, row.run, "checkpoint")

    def action_evaluate(self) -> None:
        """Ask the marked run to measure."""
        from workbench.tui.run_actions import ask_worker

        if row := self._marked():
            ask_worker(self, row.run, "evaluate")

    def action_resume(self) -> None:
        """Let the marked run go on."""
        from workbench.tui.run_actions import resume_in_background

        if row := self._marked():
            resume_in_background(self, row.run)

    def action_recipe(self) -> None:
        """Read the marked run's recipe."""
        from workbench.tui.run_actions import show_recipe

        if row := self._marked():
            show_recipe(self, row.run)

    def action_log(self) -> None:
        """Read the marked run's log."""
        from workbench.tui.run_actions import show_log

        if row := self._marked():
            show_log(self, row.run)

    def _cells(self, row: RunRow) -> list[Text]:
        colours = self.app.theme_variables
        return [
            state_text(row.status, colours),
            Text(row.name, "bold"),
            Text(row.strategy),
            Text(row.model if self._wide else cut(row.model.rpartition("/")[2], _MODEL)),
            *([_progress(row, colours)] if self._wide else []),
            *_numbers(row),
        ]


def _progress(row: RunRow, colours: Mapping[str, str]) -> Text:
    done, left = bar(row.status.step / row.status.total if row.status.total else 0.0, _BAR)
    return Text.assemble((done, colours["primary"]), (left, colours["panel"]))


def _numbers(row: RunRow) -> list[Text]:
    status = row.status
    steps = f"{status.step:,} / {status.total:,}" if status.total else "-"
    return [
        Text(steps, justify="right"),
        Text("-" if row.loss is None else short(row.loss), justify="right"),
        Text(age(time.time() - status.created), justify="right"),
    ]
