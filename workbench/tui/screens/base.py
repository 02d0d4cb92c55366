"""What the screens and dialogs of the workbench share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.reactive import var
from textual.screen import ModalScreen, Screen

from workbench.tui.base import ReportsErrors
from workbench.tui.commands import command

if TYPE_CHECKING:
    from workbench.tui.app import WorkbenchApp

ResultT = TypeVar("ResultT")


class WorkbenchScreen(Screen[None], ReportsErrors):
    """A screen that explains itself in the help.

    Attributes:
        ABOUT: A few sentences for the help screen.
    """

    ABOUT: ClassVar[str] = ""

    @property
    def workbench(self) -> WorkbenchApp:
        """The app, by its own type."""
        return cast("WorkbenchApp", self.app)


PANE_KEYS = (
    command("v", "next_pane", "Pane", "Show and focus the next pane."),
    command(
        "m",
        "maximise",
        "Maximise",
        "Show the focused pane alone, or all panes again.",
        footer=False,
    ),
)
"""The bindings of every screen with panes."""


class PanedScreen(WorkbenchScreen):
    """A screen with more panes than fit on a small terminal.

    The current pane is known to the stylesheet by the class ``-show-<id>``; which panes it hides,
    and at which sizes, is decided there.

    Attributes:
        PANES: Ids of the panes in the order in which they are shown.
    """

    PANES: ClassVar[tuple[str, ...]] = ()
    pane: var[str] = var("")
    """Id of the current pane."""

    def show_pane(self, pane: str) -> None:
        """Make ``pane`` the current one."""
        self.pane = pane
        for name in self.PANES:
            self.set_class(name == pane, f"-show-{name}")

    def action_next_pane(self) -> None:
        following = self.PANES.index(self.pane) + 1
        self.show_pane(self.PANES[following % len(self.PANES)])
        self.call_after_refresh(self.focus_pane)

    def focus_pane(self) -> None:
        """Focus the current pane, or the first widget in it that can have the focus."""
        pane = self.query_one(f"#{self.pane}")
        focusable = [widget for widget in (pane, *pane.query("*")) if widget.focusable]
        if focusable:
            focusable[0].focus()

    def action_maximise(self) -> None:
        if self.maximized:
            self.minimize()
        elif self.focused:
            self.maximize(self.focused)


class Dialog(ModalScreen[ResultT], ReportsErrors):
    """A question or a text on top of a screen; escape closes it without an answer."""

    BINDINGS: ClassVar[list[Any]] = [command("escape", "close", "Close", "Close this dialog.")]

    def action_close(self) -> None:
        self.dismiss(None)
