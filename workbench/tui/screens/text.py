"""A text on top of a screen, such as a recipe or a log, never read as markup."""

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


class TextScreen(Dialog[None]):
    """A text to read, scroll and copy."""

    BINDINGS: ClassVar = [command("c,f6", "copy", "Copy", "Copy the whole text.")]

    def __init__(self, title: str, text: str | Content, *, at_end: bool = False) -> None:
        """Show ``text``, scrolled to its end with ``at_end``."""
        super().__init__()
        self._title = title
        self._text = text if isinstance(text, Content) else Content(visible(text))
        self._at_end = at_end

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as scroll:
            scroll.border_title = Content(self._title)
            scroll.border_subtitle = "c copies   escape closes"
            yield Static(self._text)

    def on_mount(self) -> None:
        if self._at_end:
            self.query_one(VerticalScroll).scroll_end(animate=False)

    def action_copy(self) -> None:
        """Copy the whole text."""
        self.app.copy_to_clipboard(self._text.plain)
