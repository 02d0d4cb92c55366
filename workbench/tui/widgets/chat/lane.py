"""One side of the split chat: a titled pane with the exchanges of one lane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive, var
from textual.style import Style
from textual.widgets import Static

from workbench.chat.titles import BASE
from workbench.tui.widgets.chat.exchange import ExchangeBlock
from workbench.tui.widgets.chat.labels import LaneView
from workbench.tui.widgets.common.pane_title import CORNERS, spread

if TYPE_CHECKING:
    from workbench.chat.dialogue import Exchange
    from workbench.chat.protocol import Done

_FLUSHES_PER_SECOND = 10
_NEAR_END = 2
"""Lines from the end within which the user still follows the answer."""
_WIDE_BADGE = 60
"""Columns of a pane from which its badge is written in full."""
_QUIET = "$foreground 60%"


@dataclass(frozen=True)
class ReadingPosition:
    """Where the user reads: a share of the way through an exchange; None is the end of the pane."""

    exchange: Exchange | None
    share: float


class LanePane(VerticalScroll):
    """Streams one lane and follows the answer, unless the user has scrolled up."""

    DEFAULT_CSS: ClassVar[str] = """
    LanePane {
        width: 1fr;
        height: 1fr;
        padding: 0;
        border: round $accent 50%;
        border-title-color: $accent;
        border-title-style: none;
        border-subtitle-color: $text-muted;
        scrollbar-size: 1 1;
        &:focus { border: round $accent; }
        &.-base { border: round $primary 50%; border-title-color: $primary; }
        &.-base:focus { border: round $primary; }
        &.-unproven { border: round $error 70%; border-title-color: $error; }
        &.-unproven:focus { border: round $error; }
        &.-masked { border: round $border-blurred; border-title-color: $foreground; }
        &.-masked:focus { border: round $border; }
        & > .warning { display: none; dock: top; height: auto; max-height: 3; padding: 0 1; }
        & > .warning { color: $text-error; }
        &.-unproven > .warning { display: block; }
        &.-masked > .warning { display: none; }
        & > .introduction { color: $text-muted; padding: 0 1; }
        &.-started > .introduction { display: none; }
    }
    """

    view: reactive[LaneView] = reactive(
        lambda: LaneView(Content("")), init=False, always_update=True
    )
    """What is written around the exchanges."""
    status: var[str] = var("", init=False)
    """What the lane is doing, or how fast it answered, for the lower border."""
    position: var[str] = var("", init=False)
    """Which of the panes that share a place this is; empty where all are shown."""

    @dataclass
    class Scrolled(Message):
        """The user scrolled a pane."""

        pane: LanePane

    @dataclass
    class Focused(Message):
        """The user went to a pane."""

        lane: str

    def __init__(self, lane: str) -> None:
        super().__init__(id=f"lane-{lane}", classes="-base" if lane == BASE else "")
        self.lane = lane
        self._following = True
        self._scrolling_along = False
        self._introduction = Static("", classes="introduction", markup=False)
        self._warning = Static("", classes="warning", markup=False)

    def on_mount(self) -> None:
        """Prepare to render streamed text several tokens at a time."""
        self.mount(self._warning, self._introduction)
        self._flusher = self.set_interval(1 / _FLUSHES_PER_SECOND, self.flush, pause=True)

    # Borders

    def watch_view(self, view: LaneView) -> None:
        self._introduction.update(view.introduction)
        self._warning.update(Content(view.warning))
        self.set_class(bool(view.warning), "-unproven")
        self.set_class(bool(view.letter), "-masked")
        self._write_borders()

    def watch_status(self) -> None:
        self._write_borders()

    def watch_position(self) -> None:
        self._write_borders()

    def on_resize(self) -> None:
        self._write_borders()

    def on_focus(self) -> None:
        """The line of the title has the colour of the border, which changes with the focus."""
        self.call_after_refresh(self._write_borders)
        self.post_message(self.Focused(self.lane))

    def on_blur(self) -> None:
        self.call_after_refresh(self._write_borders)

    def _write_borders(self) -> None:
        view, width = self.view, self.outer_size.width
        if view.letter:
            self.border_title, self.border_subtitle = Content(view.letter), Content("")
            return
        position = (f"  {self.position} ^g", _QUIET) if self.position else ""
        line = Style(foreground=self.background_colors[1] + self.styles.border_top[1])
        badge = view.badge if width >= _WIDE_BADGE else view.narrow_badge
        self.border_title = spread(Content.assemble(view.name, position), badge, width, line)
        self.border_subtitle = Content(view.remark or self._fitting(self.status))

    def _fitting(self, status: str) -> str:
        """The status; a border that is too short has the first token's time in short, or not."""
        room = self.outer_size.width - CORNERS
        facts = status.split(" · ")
        without = " · ".join(fact for fact in facts if not fact.startswith("first token"))
        shorter = (status, status.replace("first token", "first"))
        return next((text for text in shorter if len(text) <= room), without)

    # Exchanges

    @property
    def blocks(self) -> list[ExchangeBlock]:
        """The exchanges, oldest first."""
        return list(self.query_children(ExchangeBlock))

    @property
    def last(self) -> ExchangeBlock | None:
        """The newest exchange."""
        return self.blocks[-1] if self.blocks else None

    def block(self, exchange: Exchange) -> ExchangeBlock | None:
        """The block of an exchange, if the lane took part in it."""
        return next((block for block in self.blocks if block.exchange is exchange), None)

    async def ask(self, exchange: Exchange, answering: str) -> None:
        """Begin an exchange and show the answer of the lane ``answering`` as it streams in."""
        self.add_class("-started")
        await self.mount(ExchangeBlock(exchange, answering))
        self._following = True
        self.follow()
        self.status = "answering …"
        self._flusher.resume()

    async def finish(self, done: Done) -> None:
        """Show the whole answer and its timings."""
        self._flusher.pause()
        if self.last:
            await self.last.complete(done)
        self.status = done.summary()

    async def give_up(self) -> None:
        """End an answer whose rest is lost, keeping the part that has arrived."""
        self._flusher.pause()
        await self.flush()
        self.status = "no answer"

    async def take_back(self, exchange: Exchange) -> None:
        """Remove an exchange."""
        await self.remove_children([block for block in self.blocks if block.exchange is exchange])
        self.set_class(bool(self.blocks), "-started")
        self.status = ""

    async def clear(self) -> None:
        """Remove every exchange."""
        await self.remove_children(ExchangeBlock)
        self.remove_class("-started")
        self.status = ""

    async def flush(self) -> None:
        """Render the text that has arrived."""
        if self.last:
            await self.last.answer.flush()

    # Scrolling

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Stop following when the user scrolls up, and follow again near the end."""
        super().watch_scroll_y(old_value, new_value)
        followed = self._following
        if self.max_scroll_y - new_value <= _NEAR_END:
            self._following = True
        elif new_value < old_value:
            self._following = False
        if not self._scrolling_along and not (followed and self._following):
            self.post_message(self.Scrolled(self))

    def watch_virtual_size(self) -> None:
        """Keep the end in view while the text grows."""
        self.follow()

    def follow(self) -> None:
        """Go to the end, unless the user has scrolled up."""
        if self._following and self.blocks:
            self.scroll_end(animate=False)

    def reading_position(self) -> ReadingPosition:
        """Where the user reads."""
        if self._following:
            return ReadingPosition(None, 1)
        top = self.scroll_y
        for block in self.blocks:
            start, height = block.virtual_region.y, block.virtual_region.height
            if start + height > top:
                return ReadingPosition(block.exchange, max(0.0, top - start) / max(1, height))
        return ReadingPosition(None, 1)

    def scroll_along(self, position: ReadingPosition) -> None:
        """Go to the reading position of another pane, as far as the own exchanges allow."""
        target = self._line_of(position)
        if target is not None:
            self._scrolling_along = True
            self.scroll_to(y=target, animate=False, immediate=True)
            self._following = position.exchange is None
            self._scrolling_along = False

    def _line_of(self, position: ReadingPosition) -> float | None:
        if position.exchange is None:
            return self.max_scroll_y
        block = self.block(position.exchange)
        if block is None:
            return None
        return block.virtual_region.y + position.share * block.virtual_region.height
