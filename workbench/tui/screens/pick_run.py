"""The first screen of chat and report: choose a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from workbench.tui.commands import command
from workbench.tui.messages import OpenChat, OpenReport
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.widgets.common.top_bar import TopBar

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.message import Message

    from workbench.runs.run_index import RunRow


class RunChoices(OptionList):
    """The list of runs to choose from."""

    BINDINGS: ClassVar = [command("enter", "select", "Open", "Open the highlighted run.")]


class PickRunScreen(WorkbenchScreen):
    """Choose the run to chat with."""

    CSS_PATH = "pick_run.tcss"
    ABOUT = (
        "The chat sends one prompt to the base model and to the tuned one at the same time. Choose "
        "a run with a result; the models are loaded when the chat opens."
    )
    QUESTION: ClassVar[str] = "Chat with which run?"
    EMPTY: ClassVar[str] = (
        "No run has a result to chat with yet.\n\n"
        "Press 1 to launch one, or 2 to watch the live ones.\n"
        "You can chat with a run as soon as it has finished."
    )

    def compose(self) -> ComposeResult:
        yield TopBar()
        with Vertical(classes="pane", id="pick"):
            yield Static(self.EMPTY, id="empty", markup=False)
            yield RunChoices(id="choices", markup=False)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        self.query_one("#pick").border_title = self.QUESTION
        self.watch(self.workbench, "rows", self._show)
        self.watch(self.workbench, "listed", self._update_empty)

    def offers(self, row: RunRow) -> bool:
        """Whether ``row`` can be chosen here."""
        return row.snapshot.has_result

    def request(self, row: RunRow) -> Message:
        """The message to the app that opens ``row``."""
        return OpenChat(row.run)

    def line(self, row: RunRow, width: int) -> Content:
        """The text for ``row``, with its name in a column of ``width`` cells."""
        return Content.assemble(
            (f"{row.name:<{width}}", "bold"),
            (f"   {row.run.id}   {row.strategy} on {row.model}", "dim"),
        )

    def _show(self, rows: tuple[RunRow, ...]) -> None:
        offered = [row for row in rows if self.offers(row)]
        options = self.query_one(OptionList)
        names = max((len(row.name) for row in offered), default=0)
        lines = {row.run.id: self.line(row, names) for row in offered}
        if {option.id: option.prompt for option in options.options} != lines:
            highlighted = options.highlighted or 0
            options.set_options([Option(line, id=run) for run, line in lines.items()])
            options.highlighted = min(highlighted, len(lines) - 1) if lines else None
        self._update_empty()

    def _update_empty(self) -> None:
        options = self.query_one(OptionList)
        options.display = bool(options.option_count)
        self.query_one("#empty").display = self.workbench.listed and not options.display

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        for row in self.workbench.rows:
            if row.run.id == event.option_id:
                self.post_message(self.request(row))


class PickReportScreen(PickRunScreen):
    """Choose the run whose report to read."""

    ABOUT = (
        "A report says what a run learned and what it forgot, item by item. It is written when the "
        "run ends; without one, the screen says why."
    )
    QUESTION: ClassVar[str] = "The report of which run?"
    EMPTY: ClassVar[str] = (
        "No runs yet.\n\nPress 1 to launch one; its report is written when it ends."
    )

    def offers(self, row: RunRow) -> bool:
        """All runs: for one without a report, the screen says why."""
        del row
        return True

    def request(self, row: RunRow) -> Message:
        return OpenReport(row.run)

    def line(self, row: RunRow, width: int) -> Content:
        """The run, and its state if it has no report."""
        without = "" if row.snapshot.has_report else f"   no report: {row.status.state}"
        return Content.assemble(super().line(row, width), (without, "$text-warning"))
