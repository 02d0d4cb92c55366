"""What the screen below is for, and all its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.table import Table
from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from workbench.tui.commands import command, commands_of
from workbench.tui.screens.base import Dialog

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.screen import Screen

_GENERAL = "tab and shift+tab move between panes and fields. The mouse works everywhere."


class HelpScreen(Dialog[None]):
    """Help, generated from the same declarations as the keys."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar = [command("f1,question_mark,q", "close", "Close", "Close the help.")]

    def __init__(self, below: Screen[Any]) -> None:
        """Explain the screen ``below``."""
        super().__init__()
        self._about = getattr(below, "ABOUT", "") or (type(below).__doc__ or "")
        self.entries = commands_of(below)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", id="help") as scroll:
            scroll.border_title = "Help"
            scroll.border_subtitle = "escape closes"
            yield Static(self._about, markup=False, id="about")
            yield Static(self._keys(), id="keys")
            yield Static(_GENERAL, markup=False, classes="general")

    def _keys(self) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column()
        for entry in self.entries:
            style = "" if entry.enabled else "dim"
            keys = Text(" ".join(entry.keys), style="bold")
            table.add_row(keys, Text(entry.label, style), Text(entry.help, style or "dim"))
        return table
