"""A question to confirm or to decline."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from workbench.tui.commands import command
from workbench.tui.screens.base import Dialog

if TYPE_CHECKING:
    from textual.app import ComposeResult


class ConfirmScreen(Dialog[bool]):
    """Asks before something that cannot be undone."""

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar = [
        command("y", "answer(True)", "Yes", "Do it."),
        command("n", "answer(False)", "No", "Do nothing."),
    ]

    def __init__(self, question: str, detail: str, yes: str) -> None:
        """Ask ``question``; ``yes`` is the label of the button that confirms."""
        super().__init__()
        self._question = question
        self._detail = detail
        self._yes = yes

    def compose(self) -> ComposeResult:
        """Put the harmless answer first, which gives it the focus."""
        with Vertical(classes="dialog", id="confirm"):
            yield Static(self._question, markup=False, id="question")
            yield Static(self._detail, markup=False, id="detail")
            with Horizontal(id="answers"):
                yield Button("n  Cancel", id="no", compact=True)
                yield Button(f"y  {self._yes}", id="yes", variant="error", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Answer by a key."""
        self.dismiss(yes)
