"""Chat, before a run is chosen: the runs that have something to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from workbench.tui.commands import command
from workbench.tui.messages import OpenChat
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.tui.run_list import RunRow

_EMPTY = (
    "No run has a result to chat with yet.\n\n"
    "Press 1 to launch one, or 2 to watch those at work;\n"
    "a run can be asked as soon as it has finished."
)


class RunChoices(OptionList):
    """The runs with a result."""

    BINDINGS: ClassVar = [command("enter", "select", "Chat", "Chat with the marked run.")]


class PickRunScreen(WorkbenchScreen):
    """Choose the run whose tuned model answers beside its base."""

    CSS_PATH = "pick_run.tcss"
    ABOUT = (
        "The chat puts one prompt to the base model and to the tuned one at the same time. Choose "
        "a run with a result; the models are loaded when the chat opens."
    )

    def compose(self) -> ComposeResult:
        """Lay out the list, and what to do while it is empty."""
        yield TopBar()
        with Vertical(classes="pane", id="pick"):
            yield Static(_EMPTY, id="empty", markup=False)
            yield RunChoices(id="choices", markup=False)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Follow the app's list of runs."""
        self.query_one("#pick").border_title = "Chat with which run?"
        self.watch(self.workbench, "rows", self._show)

    def _show(self, rows: tuple[RunRow, ...]) -> None:
        ready = [row for row in rows if row.result]
        options = self.query_one(OptionList)
        options.display = bool(ready)
        self.query_one("#empty").display = not ready
        if [option.id for option in options.options] != [row.run.id for row in ready]:
            options.set_options([Option(_line(row), id=row.run.id) for row in ready])
            options.highlighted = 0 if ready else None

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open the chat."""
        for row in self.workbench.rows:
            if row.run.id == event.option_id:
                self.post_message(OpenChat(row.run))


def _line(row: RunRow) -> Content:
    return Content.assemble(
        (row.name, "bold"), (f"   {row.strategy} on {row.model}   {row.run.id}", "dim")
    )
