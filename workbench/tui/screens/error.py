"""An error: what failed, what happened, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from workbench.core.sanitize import visible
from workbench.tui.commands import command
from workbench.tui.screens.base import Dialog

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.tui.base import Failure


class ErrorScreen(Dialog[None]):
    """Stays until the user has read it, unlike a toast."""

    CSS_PATH = "error.tcss"
    ABOUT = "Something failed. What was shown before is still there; this dialog only reports it."
    BINDINGS: ClassVar = [
        command("enter", "close", "Close", "Close this dialog."),
        command("c,f6", "copy", "Copy", "Copy the message."),
    ]

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self.failure = failure

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", id="error") as box:
            box.border_title = Content(visible(self.failure.title))
            box.border_subtitle = "c copies   enter closes"
            yield Static(Content(visible(self.failure.message)), id="message")
            yield Static(Content(visible(self.failure.advice)), id="advice")

    def action_copy(self) -> None:
        """Copy title, message and advice."""
        parts = (self.failure.title, self.failure.message, self.failure.advice)
        self.app.copy_to_clipboard("\n".join(parts))
