"""Chat and report, before a run is chosen: the runs that there are."""

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

    from workbench.tui.run_index import RunRow


class RunChoices(OptionList):
    """The runs to choose from."""

    BINDINGS: ClassVar = [command("enter", "select", "Open", "Open the marked run.")]


class PickRunScreen(WorkbenchScreen):
    """Choose the run whose tuned model answers beside its base."""

    CSS_PATH = "pick_run.tcss"
    ABOUT = (
        "The chat puts one prompt to the base model and to the tuned one at the same time. Choose "
        "a run with a result; the models are loaded when the chat opens."
    )
    QUESTION: ClassVar[str] = "Chat with which run?"
    EMPTY: ClassVar[str] = (
        "No run has a result to chat with yet.\n\n"
        "Press 1 to launch one, or 2 to watch those at work;\n"
        "a run can be asked as soon as it has finished."
    )

    def compose(self) -> ComposeResult:
        """Lay out the list, and what to do while it is empty."""
        yield TopBar()
        with Vertical(classes="pane", id="pick"):
            yield Static(self.EMPTY, id="empty", markup=False)
            yield RunChoices(id="choices", markup=False)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Follow the app's list of runs."""
        self.query_one("#pick").border_title = self.QUESTION
        self.watch(self.workbench, "rows", self._show)
        self.watch(self.workbench, "listed", self._say_whether_empty)

    def offers(self, row: RunRow) -> bool:
        """Whether ``row`` can be chosen here."""
        return row.result

    def opening(self, row: RunRow) -> Message:
        """What choosing ``row`` asks the app for."""
        return OpenChat(row.run)

    def line(self, row: RunRow, width: int) -> Content:
        """How ``row`` stands in the list, its name in a column of ``width``."""
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
            marked = options.highlighted or 0
            options.set_options([Option(line, id=run) for run, line in lines.items()])
            options.highlighted = min(marked, len(lines) - 1) if lines else None
        self._say_whether_empty()

    def _say_whether_empty(self) -> None:
        options = self.query_one(OptionList)
        options.display = bool(options.option_count)
        self.query_one("#empty").display = self.workbench.listed and not options.display

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open the chosen run."""
        for row in self.workbench.rows:
            if row.run.id == event.option_id:
                self.post_message(self.opening(row))


class PickReportScreen(PickRunScreen):
    """Choose the run whose report is read."""

    ABOUT = (
        "A report says what a run learned and what it forgot, item by item. It is written when "
        "the run has ended; a run without one says why."
    )
    QUESTION: ClassVar[str] = "Whose report?"
    EMPTY: ClassVar[str] = (
        "No run yet, so nothing was learned and nothing forgotten.\n\n"
        "Press 1 to launch one; its report is written at its end."
    )

    def offers(self, row: RunRow) -> bool:
        """Every run: one without a report says why."""
        del row
        return True

    def opening(self, row: RunRow) -> Message:
        """The report."""
        return OpenReport(row.run)

    def line(self, row: RunRow, width: int) -> Content:
        """The run, and its state where it has no report."""
        without = "" if row.report else f"   no report: {row.status.state}"
        return Content.assemble(super().line(row, width), (without, "$text-warning"))
