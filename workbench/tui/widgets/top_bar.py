"""The first line of every screen: where you are, what runs, what this machine is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.tui.app import WorkbenchApp
    from workbench.tui.run_list import RunRow

_TABS = {"new": "New run", "runs": "Runs", "chat": "Chat"}


class Tab(Static):
    """One place to go, by its number or by the mouse."""

    def __init__(self, mode: str, number: int) -> None:
        """Stand for the ``number``-th place."""
        super().__init__(id=f"tab-{mode}")
        self._mode = mode
        self._number = number
        self.show_live(0)

    def show_live(self, live: int) -> None:
        """Show how many runs are at work, if any."""
        count = (f" ●{live}", "$success") if live else ("", "")
        self.update(Content.assemble((f"{self._number} ", "dim"), _TABS[self._mode], count))

    def on_click(self) -> None:
        """Go there."""
        self.app.switch_mode(self._mode)


class TopBar(Horizontal):
    """Name, tabs, number of live runs, and the machine in one line."""

    DEFAULT_CSS: ClassVar[str] = """
    TopBar {
        dock: top;
        height: 1;
        background: $surface;
        color: $text-muted;
        & > #brand { width: auto; padding: 0 2 0 1; color: $primary; text-style: bold; }
        & > Tab { width: auto; padding: 0 1; pointer: pointer; }
        & > Tab:hover { background: $panel; color: $foreground; }
        & > Tab.-here { background: $panel; color: $foreground; text-style: bold; }
        & > #box {
            width: 1fr; text-align: right; padding: 0 1 0 2;
            text-wrap: nowrap; text-overflow: ellipsis;
        }
    }
    """

    def compose(self) -> ComposeResult:
        """Lay out the line."""
        yield Static("ftwb", id="brand")
        for number, mode in enumerate(_TABS, 1):
            yield Tab(mode, number)
        yield Static(id="box", markup=False)

    def on_mount(self) -> None:
        """Follow the app's state."""
        for tab in self.query(Tab):
            tab.set_class(tab.id == f"tab-{self.app.current_mode}", "-here")
        app = cast("WorkbenchApp", self.app)
        self.watch(app, "rows", self._show_rows)
        self.watch(app, "box", self._show_box)

    def _show_rows(self, rows: tuple[RunRow, ...]) -> None:
        live = sum(row.status.live for row in rows)
        self.query_one("#tab-runs", Tab).show_live(live)

    def _show_box(self, summary: str) -> None:
        self.query_one("#box", Static).update(Content(summary))
