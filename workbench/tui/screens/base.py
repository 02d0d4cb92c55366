"""What every screen of the workbench shares: the error of a worker becomes a toast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.screen import ModalScreen, Screen
from textual.worker import Worker, WorkerState

from workbench.tui.commands import command

if TYPE_CHECKING:
    from workbench.tui.app import WorkbenchApp

ResultT = TypeVar("ResultT")


class WorkbenchScreen(Screen[None]):
    """A place: it says what it is for, and its workers never fail in silence.

    Attributes:
        ABOUT: A few sentences for the help screen.
    """

    ABOUT: ClassVar[str] = ""

    @property
    def workbench(self) -> WorkbenchApp:
        """The app, by its own type."""
        return cast("WorkbenchApp", self.app)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show why a worker of this screen failed."""
        if event.state is WorkerState.ERROR:
            self.notify(str(event.worker.error), severity="error", markup=False)


class Dialog(ModalScreen[ResultT]):
    """A question or a text on top of a screen; escape leaves it without an answer."""

    BINDINGS: ClassVar[list[Any]] = [command("escape", "close", "Close", "Leave this dialog.")]

    def action_close(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)
