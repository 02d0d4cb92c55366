"""The first line of every screen: where you are, what runs, what this machine is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.content import Content
from textual.style import Style
from textual.widget import Widget

if TYPE_CHECKING:
    from textual.events import Click

    from workbench.tui.app import WorkbenchApp

_TABS = {
    "new": "New run",
    "runs": "Runs",
    "chat": "Chat",
    "report": "Report",
    "compare": "Compare",
}
_GAP = 2


class TopBar(Widget):
    """Name, tabs, number of live runs, and the machine in one line.

    One widget without children, because it is what the first paint waits for.
    """

    DEFAULT_CSS: ClassVar[str] = """
    TopBar { dock: top; height: 1; background: $surface; color: $text-muted; }
    """

    def on_mount(self) -> None:
        """Follow the app's state."""
        self.watch(self._workbench, "rows", self._changed, init=False)
        self.watch(self._workbench, "box", self._changed, init=False)

    @property
    def _workbench(self) -> WorkbenchApp:
        return cast("WorkbenchApp", self.app)

    def _changed(self) -> None:
        self.refresh()

    def render(self) -> Content:
        """Draw the tabs, and the machine at the right end where there is room for it."""
        live = sum(row.status.live for row in self._workbench.rows)
        tabs = [self._tab(number, mode, live) for number, mode in enumerate(_TABS, 1)]
        line = Content.assemble((" ftwb  ", "bold $primary"), *tabs)
        room = self.size.width - line.cell_length - _GAP
        box = Content(self._workbench.box).truncate(max(room, 0), ellipsis=True)
        return Content.assemble(line, " " * (room - box.cell_length + 1), box)

    def _tab(self, number: int, mode: str, live: int) -> Content:
        count = (f" ●{live}", "$success") if mode == "runs" and live else ""
        label = Content.assemble((f" {number} ", "dim"), _TABS[mode], count, " ")
        here = "bold $foreground on $panel" if self.app.current_mode == mode else ""
        return label.stylize_before(here).stylize(Style.from_meta({"mode": mode}))

    def on_click(self, event: Click) -> None:
        """Go to the tab under the mouse."""
        if mode := event.style.meta.get("mode"):
            self.app.switch_mode(mode)
