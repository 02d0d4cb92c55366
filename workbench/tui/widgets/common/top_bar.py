"""The first line of every screen: the current mode, the live runs, and this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from workbench.tui.modes import WORKBENCH_MODES

if TYPE_CHECKING:
    from textual.events import Click

    from workbench.tui.app import WorkbenchApp
    from workbench.tui.modes import Mode

_GAP = 2


class TopBar(Widget):
    """Tabs, number of live runs, and the machine, in one line.

    One widget without children, because the first paint waits for it.
    """

    DEFAULT_CSS: ClassVar[str] = """
    TopBar { dock: top; height: 1; background: $surface; color: $text-muted; }
    """

    def on_mount(self) -> None:
        self.watch(self._workbench, "rows", self._redraw, init=False)
        self.watch(self._workbench, "machine", self._redraw, init=False)

    @property
    def _workbench(self) -> WorkbenchApp:
        return cast("WorkbenchApp", self.app)

    def _redraw(self) -> None:
        self.refresh()

    def render(self) -> Content:
        """The tabs, and the machine at the right end if there is room for it."""
        live = sum(row.status.live for row in self._workbench.rows)
        tabs = [self._tab(number, mode, live) for number, mode in enumerate(WORKBENCH_MODES, 1)]
        line = Content.assemble((" ftwb  ", "bold $primary"), *tabs)
        room = self.size.width - line.cell_length - _GAP
        machine = Content(self._workbench.machine).truncate(max(room, 0), ellipsis=True)
        return Content.assemble(line, " " * (room - machine.cell_length + 1), machine)

    def _tab(self, number: int, mode: Mode, live: int) -> Content:
        count = (f" ●{live}", "$success") if mode.name == "runs" and live else ""
        label = Content.assemble((f" {number} ", "dim"), mode.title, count, " ")
        current = "bold $foreground on $panel" if self.app.current_mode == mode.name else ""
        return label.stylize_before(current).stylize(Style.from_meta({"mode": mode.name}))

    def on_click(self, event: Click) -> None:
        if mode := event.style.meta.get("mode"):
            self.app.switch_mode(mode)
