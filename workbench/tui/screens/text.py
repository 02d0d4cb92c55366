"""A text on top of a screen: a recipe, a log. What it shows is never markup."""

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
    """Read, scroll, copy."""

    BINDINGS: ClassVar = [command("c,f6", "copy", "Copy", "Copy the whole text.")]

    def __init__(self, title: str, text: str | Content, *, at_end: bool = False) -> None:
        """Show ``text`` below ``title``, scrolled to its end when asked."""
        super().__init__()
        self._title = title
        self._text = text if isinstance(text, Content) else Content(visible(text))
        self._at_end = at_end

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        with VerticalScroll(classes="dialog") as scroll:
            scroll.border_title = Content(self._title)
            scroll.border_subtitle = "c copies   escape closes"
            yield Static(self._text)

    def on_mount(self) -> None:
        """Show the end first where the newest is last."""
        if self._at_end:
            self.query_one(VerticalScroll).scroll_end(animate=False)

    def action_copy(self) -> None:
        """Copy the text; the app says which way it went."""
        self.app.copy_to_clipboard(self._text.plain)
