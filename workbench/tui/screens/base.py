"""What every screen of the workbench shares: the error of a worker becomes a toast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.reactive import var
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


PANE_KEYS = (
    command("v", "next_pane", "Next pane", "Go to the next pane, hidden or not."),
    command(
        "m",
        "maximise",
        "Maximise",
        "Give the focused pane the whole screen, and back.",
        footer=False,
    ),
)
"""What every screen with panes binds."""


class PanedScreen(WorkbenchScreen):
    """A place with more panes than a small terminal has room for.

    The pane in turn is told to the stylesheet by the class ``-show-<id>``; what is hidden for it,
    and at which sizes, is decided there.

    Attributes:
        PANES: Ids of the panes that take turns, the first at first.
    """

    PANES: ClassVar[tuple[str, ...]] = ()
    pane: var[str] = var("")
    """Id of the pane in turn."""

    def show_pane(self, pane: str) -> None:
        """Make it the turn of ``pane``."""
        self.pane = pane
        for each in self.PANES:
            self.set_class(each == pane, f"-show-{each}")

    def action_next_pane(self) -> None:
        """Make it the next pane's turn, and go there."""
        turn = self.PANES.index(self.pane) + 1
        self.show_pane(self.PANES[turn % len(self.PANES)])
        self.call_after_refresh(self.focus_pane)

    def focus_pane(self) -> None:
        """Give the focus to the pane in turn, or to the first in it that takes it."""
        pane = self.query_one(f"#{self.pane}")
        taking = [each for each in (pane, *pane.query("*")) if each.focusable]
        if taking:
            taking[0].focus()

    def action_maximise(self) -> None:
        """Give the focused pane the whole screen, or take it back."""
        if self.maximized:
            self.minimize()
        elif self.focused:
            self.maximize(self.focused)


class Dialog(ModalScreen[ResultT]):
    """A question or a text on top of a screen; escape leaves it without an answer."""

    BINDINGS: ClassVar[list[Any]] = [command("escape", "close", "Close", "Leave this dialog.")]

    def action_close(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)
