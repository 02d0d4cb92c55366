"""The lanes of a chat: side by side, one above the other, or taking turns, as space allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Container
from textual.reactive import var

from workbench.tui.widgets.chat.lane import LanePane

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from textual.app import ComposeResult

    from workbench.chat.dialogue import Exchange
    from workbench.chat.protocol import Delta, Done
    from workbench.tui.widgets.chat.exchange import ExchangeBlock
    from workbench.tui.widgets.chat.labels import LaneView

_MIN_WIDTH = 45
"""Columns that a lane needs beside another one."""
_MIN_HEIGHT = 8
"""Lines that a lane needs above another one."""
_PAIR = 2


@dataclass(frozen=True)
class Arrangement:
    """How lanes share the space.

    Attributes:
        columns: Lanes in a row.
        shown: Lanes visible at once; if there are more, they take turns beside the first.
    """

    columns: int
    shown: int


def arrange(width: int, height: int, lanes: int) -> Arrangement:
    """Fit lanes into ``width`` x ``height`` cells so that each can be read."""
    if width >= lanes * _MIN_WIDTH:
        return Arrangement(lanes, lanes)
    if lanes > _PAIR and width >= _PAIR * _MIN_WIDTH and height >= _PAIR * _MIN_HEIGHT:
        return Arrangement(_PAIR, lanes)
    if lanes == _PAIR or height >= lanes * _MIN_HEIGHT:
        return Arrangement(1, lanes)
    return Arrangement(_PAIR if width >= _PAIR * _MIN_WIDTH else 1, _PAIR)


class LaneBoard(Container):
    """Holds a pane for every lane; the first is always visible.

    What happens to the conversation happens in every pane at once.
    """

    DEFAULT_CSS: ClassVar[str] = """
    LaneBoard { height: 1fr; layout: grid; grid-rows: 1fr; grid-columns: 1fr; }
    """

    scroll_together: var[bool] = var(True)
    """Whether scrolling one pane scrolls the others."""

    def __init__(self, lanes: Sequence[str]) -> None:
        super().__init__(id="lanes")
        self._initial_lanes = tuple(lanes)
        self._visible = 0
        self._answering: dict[str, LanePane] = {}

    def compose(self) -> ComposeResult:
        for lane in self._initial_lanes:
            yield LanePane(lane)

    @property
    def panes(self) -> dict[str, LanePane]:
        """Every pane by its lane, including those that are not visible."""
        return {pane.lane: pane for pane in self.query_children(LanePane)}

    def show_views(self, views: Mapping[str, LaneView]) -> None:
        """Write around each pane what is known about its lane."""
        for lane, pane in self.panes.items():
            pane.view = views[lane]

    # Panes

    @property
    def paged(self) -> bool:
        """Whether some panes take turns."""
        return self._arrangement.shown < len(self.panes)

    @property
    def _arrangement(self) -> Arrangement:
        return arrange(self.size.width, self.size.height, len(self.panes))

    async def add(self, lane: str) -> None:
        """Add a pane at the end, and make it visible."""
        await self.mount(LanePane(lane))
        self._visible = len(self.panes) - 2
        self._lay_out()

    async def remove_lane(self, lane: str) -> None:
        """Remove a pane."""
        await self.panes[lane].remove()
        self._visible = 0
        self._lay_out()

    def show_next(self) -> None:
        """Make the next pane visible beside the first."""
        self._visible = (self._visible + 1) % (len(self.panes) - 1)
        self._lay_out()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        arrangement, paged = self._arrangement, self.paged
        panes = list(self.panes.values())
        rows = -(-arrangement.shown // arrangement.columns)
        self.styles.grid_size_columns = arrangement.columns
        self.styles.grid_size_rows = rows
        for place, pane in enumerate(panes):
            pane.display = not paged or place in (0, self._visible + 1)
            pane.position = f"{place} of {len(panes) - 1}" if paged and place else ""
            pane.styles.row_span = 1
        if arrangement.shown % arrangement.columns:
            panes[0].styles.row_span = rows
        for pane in panes:
            pane.follow()
        self.refresh_bindings()

    # Exchanges

    def blocks(self, exchange: Exchange) -> Iterator[ExchangeBlock]:
        """The blocks of an exchange, one in each pane that took part in it."""
        for pane in self.panes.values():
            if block := pane.block(exchange):
                yield block

    async def ask(self, exchange: Exchange, assignment: Mapping[str, str]) -> None:
        """Begin an exchange in every pane.

        Args:
            exchange: What is asked.
            assignment: Which lane's answer each pane shows.
        """
        panes = self.panes
        self._answering = {assignment[lane]: pane for lane, pane in panes.items()}
        for lane, pane in panes.items():
            await pane.ask(exchange, assignment[lane])

    def write(self, delta: Delta) -> None:
        """Add text to the answer that a lane is giving."""
        if block := self._answering[delta.lane].last:
            block.answer.write(delta.text)

    async def finish(self, done: Done) -> None:
        """Show a lane's whole answer."""
        await self._answering[done.lane].finish(done)

    async def give_up(self, exchange: Exchange) -> None:
        """End the answers of an exchange whose rest is lost."""
        for pane in self.panes.values():
            block = pane.block(exchange)
            if block and exchange.lacks(block.lane):
                await pane.give_up()

    async def take_back(self, exchange: Exchange) -> None:
        """Remove an exchange from every pane."""
        for pane in self.panes.values():
            await pane.take_back(exchange)

    async def clear(self) -> None:
        """Remove every exchange from every pane."""
        for pane in self.panes.values():
            await pane.clear()

    async def reveal(self, exchange: Exchange) -> None:
        """Give each pane the answer and the status of its lane."""
        (first, left), (second, right) = (
            (pane, block) for pane in self.panes.values() if (block := pane.block(exchange))
        )
        if left.lane != first.lane:
            await left.swap_answers(right)
            first.status, second.status = second.status, first.status
        self._answering = self.panes

    # Selecting and scrolling

    def select(self, exchange: Exchange | None) -> None:
        """Mark an exchange in every pane, or none."""
        for pane in self.panes.values():
            for block in pane.blocks:
                block.set_class(block.exchange is exchange, "-selected")

    def scroll_to_exchange(self, exchange: Exchange) -> None:
        """Bring an exchange to the top of every pane."""
        for block in self.blocks(exchange):
            block.scroll_visible(animate=False, top=True)

    def scroll_half_page(self, direction: int) -> None:
        """Scroll every pane up with -1 or down with 1."""
        for pane in self.panes.values():
            pane.scroll_relative(y=direction * max(1, pane.size.height // 2), animate=False)

    @on(LanePane.Scrolled)
    def _scroll_others(self, message: LanePane.Scrolled) -> None:
        message.stop()
        if self.scroll_together:
            position = message.pane.reading_position()
            for pane in self.panes.values():
                if pane is not message.pane:
                    pane.scroll_along(position)
