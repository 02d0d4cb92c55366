"""The lanes of a chat side by side, one over the other, or some at a time, as the room allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Container

from workbench.tui.widgets.chat.lane import LanePane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

_NARROWEST = 45
"""Columns below which no two lanes stand side by side."""
_LOWEST = 8
"""Lines below which no two lanes stand one over the other."""
_PAIR = 2


@dataclass(frozen=True)
class Arrangement:
    """How lanes share the room.

    Attributes:
        columns: Lanes in a row.
        shown: Lanes to be seen at once; fewer than there are take turns beside the first.
    """

    columns: int
    shown: int


def arrange(width: int, height: int, lanes: int) -> Arrangement:
    """Give ``lanes`` a room of ``width`` times ``height`` cells so that each can be read."""
    if width >= lanes * _NARROWEST:
        return Arrangement(lanes, lanes)
    if lanes > _PAIR and width >= _PAIR * _NARROWEST and height >= _PAIR * _LOWEST:
        return Arrangement(_PAIR, lanes)
    if lanes == _PAIR or height >= lanes * _LOWEST:
        return Arrangement(1, lanes)
    return Arrangement(_PAIR if width >= _PAIR * _NARROWEST else 1, _PAIR)


class LaneBoard(Container):
    """Holds the panes; the first always shows, the others take turns where there is no room."""

    DEFAULT_CSS: ClassVar[str] = """
    LaneBoard { height: 1fr; layout: grid; grid-rows: 1fr; grid-columns: 1fr; }
    """

    def __init__(self, lanes: Sequence[str]) -> None:
        """Hold panes for ``lanes``."""
        super().__init__(id="lanes")
        self._first = tuple(lanes)
        self._turn = 0
        self.together = True
        """Whether scrolling one pane scrolls the others."""

    def compose(self) -> ComposeResult:
        """Lay out the panes."""
        for lane in self._first:
            yield LanePane(lane)

    @property
    def panes(self) -> dict[str, LanePane]:
        """Every pane by its lane, also those that wait for their turn."""
        return {pane.lane: pane for pane in self.query_children(LanePane)}

    @property
    def paged(self) -> bool:
        """Whether some panes wait for their turn."""
        return self._arrangement.shown < len(self.panes)

    @property
    def _arrangement(self) -> Arrangement:
        return arrange(self.size.width, self.size.height, len(self.panes))

    async def add(self, lane: str) -> LanePane:
        """Put one more pane at the end, and show it."""
        pane = LanePane(lane)
        await self.mount(pane)
        self.show(lane)
        return pane

    async def take_away(self, lane: str) -> None:
        """Take a pane away."""
        await self.panes[lane].remove()
        self._turn = 0
        self._lay_out()

    def show(self, lane: str) -> None:
        """Make it the turn of ``lane``."""
        self._turn = max(0, list(self.panes).index(lane) - 1)
        self._lay_out()

    def next(self) -> None:
        """Show the next lanes beside the first."""
        self._turn = (self._turn + 1) % (len(self.panes) - 1)
        self._lay_out()

    def turn_of(self, lane: str) -> str:
        """Which of the waiting lanes this is, in words; empty where all are shown."""
        place = list(self.panes).index(lane)
        return f"{place} of {len(self.panes) - 1}" if self.paged and place else ""

    def on_resize(self) -> None:
        """Fit the new room."""
        self._lay_out()

    def _lay_out(self) -> None:
        arrangement = self._arrangement
        panes = list(self.panes.values())
        rows = -(-arrangement.shown // arrangement.columns)
        self.styles.grid_size_columns = arrangement.columns
        self.styles.grid_size_rows = rows
        for place, pane in enumerate(panes):
            pane.display = not self.paged or place in (0, self._turn + 1)
            pane.styles.row_span = 1
        if arrangement.shown % arrangement.columns:
            panes[0].styles.row_span = rows
        for pane in panes:
            pane.follow()

    @on(LanePane.Moved)
    def _move_together(self, message: LanePane.Moved) -> None:
        message.stop()
        if self.together:
            place = message.pane.place()
            for pane in self.panes.values():
                if pane is not message.pane:
                    pane.go_to(place)
