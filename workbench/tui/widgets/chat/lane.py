"""One side of the split chat: a titled pane in which questions and answers follow each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widgets import Static

from workbench.core.sanitize import visible
from workbench.tui.widgets.chat.exchange import ExchangeBlock
from workbench.tui.widgets.common.pane_title import CORNERS, spread

if TYPE_CHECKING:
    from workbench.chat.dialogue import Exchange
    from workbench.chat.protocol import Done

_FLUSHES_PER_SECOND = 10
_NEAR = 2
"""Lines from the end within which the user still counts as following."""


@dataclass(frozen=True)
class Place:
    """Where a pane stands: an exchange, and how far through it; None for both is the end."""

    exchange: Exchange | None
    share: float


class LanePane(VerticalScroll):
    """Streams one lane; it follows the answer until the user scrolls up, and again at the end."""

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
        &.-refuted { border: round $error 70%; border-title-color: $error; }
        &.-refuted:focus { border: round $error; }
        &.-masked { border: round $border-blurred; border-title-color: $foreground; }
        &.-masked:focus { border: round $border; }
        & > .reason { display: none; dock: top; height: auto; max-height: 3; padding: 0 1; }
        & > .reason { color: $text-error; }
        &.-refuted > .reason { display: block; }
        &.-masked > .reason { display: none; }
        & > .intro { color: $text-muted; padding: 0 1; }
        &.-talking > .intro { display: none; }
    }
    """

    @dataclass
    class Moved(Message):
        """The user scrolled a pane."""

        pane: LanePane

    def __init__(self, lane: str) -> None:
        """Stand for ``lane``."""
        super().__init__(id=f"lane-{lane}", classes="-base" if lane == "base" else "")
        self.lane = lane
        self._who = Content(lane)
        self._badge = Content("")
        self._status = self._remark = ""
        self._mask: str | None = None
        self._following = True
        self._placing = False
        self._intro = Static("", classes="intro", markup=False)
        self._reason = Static("", classes="reason", markup=False)

    def on_mount(self) -> None:
        """Prepare to show what comes in, several tokens at a time."""
        self.mount(self._reason, self._intro)
        self._flusher = self.set_interval(1 / _FLUSHES_PER_SECOND, self._flush, pause=True)

    # Title and status

    def call(self, name: Content, badge: Content) -> None:
        """Write who answers here at the left of the upper border, and a badge at its right."""
        self._who, self._badge = name, badge
        self._write_borders()

    def mask(self, name: str | None) -> None:
        """Hide who answers here, how sure that is and how fast, behind ``name``; None shows it."""
        self._mask = name
        self.set_class(name is not None, "-masked")
        self._write_borders()

    def doubt(self, reason: str) -> None:
        """Say in a line that stays why this lane is not what it should be; empty if it is."""
        self._reason.update(Content(visible(reason)))
        self.set_class(bool(reason), "-refuted")

    def introduce(self, content: Content) -> None:
        """Say who answers here, until something is asked."""
        self._intro.update(content)

    def say(self, status: str) -> None:
        """Put a status on the lower border."""
        self._status, self._remark = status, ""
        self._write_borders()

    def on_resize(self) -> None:
        """Let the title reach to the new end."""
        self._write_borders()

    def remark(self, remark: str) -> None:
        """Put a remark on the lower border instead of the status; empty puts the status back."""
        self._remark = remark
        self._write_borders()

    def _write_borders(self) -> None:
        if self._mask is not None:
            self.border_title, self.border_subtitle = Content(self._mask), Content("")
            return
        rule = Style(foreground=self.background_colors[1] + self.styles.border_top[1])
        self.border_title = spread(self._who, self._badge, self.outer_size.width, rule)
        self.border_subtitle = Content(self._remark or self._fitting(self._status))

    def _fitting(self, status: str) -> str:
        """The status, in fewer words where the border is too short for it."""
        room = self.outer_size.width - CORNERS
        return status if len(status) <= room else status.replace("first token", "first")

    def on_focus(self) -> None:
        """Draw the rule of the title like the border, which is brighter now."""
        self.call_after_refresh(self._write_borders)

    def on_blur(self) -> None:
        """Draw the rule of the title like the border, which is dimmer now."""
        self.call_after_refresh(self._write_borders)

    # What is said

    @property
    def blocks(self) -> list[ExchangeBlock]:
        """The exchanges, the oldest first."""
        return list(self.query_children(ExchangeBlock))

    @property
    def last(self) -> ExchangeBlock | None:
        """The newest exchange."""
        return self.blocks[-1] if self.blocks else None

    async def ask(self, exchange: Exchange) -> None:
        """Open a new exchange; what is written from now on answers it."""
        self.add_class("-talking")
        await self.mount(ExchangeBlock(exchange))
        self._following = True
        self.follow()
        self.say("answering …")
        self._flusher.resume()

    def write(self, text: str) -> None:
        """Add a piece of the answer; it is shown at the next flush."""
        if self.last:
            self.last.answer.write(text)

    async def finish(self, done: Done) -> None:
        """Show the whole answer and how fast it came."""
        self._flusher.pause()
        if self.last:
            await self.last.complete(done)
        self.say(done.summary())

    async def give_up(self, why: str) -> None:
        """End an answer that will not be completed, keeping what is there of it."""
        self._flusher.pause()
        await self._flush()
        self.say(why)

    async def take_back(self, exchange: Exchange) -> None:
        """Remove an exchange."""
        await self.remove_children([block for block in self.blocks if block.exchange is exchange])
        self.set_class(bool(self.blocks), "-talking")
        self.say("")

    async def clear(self) -> None:
        """Remove every exchange."""
        await self.remove_children(ExchangeBlock)
        self.remove_class("-talking")
        self.say("")

    async def _flush(self) -> None:
        if self.last:
            await self.last.answer.flush()

    # Scrolling

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Let go when the user scrolls up, follow again near the end; tell where the user is."""
        super().watch_scroll_y(old_value, new_value)
        followed = self._following
        if self.max_scroll_y - new_value <= _NEAR:
            self._following = True
        elif new_value < old_value:
            self._following = False
        if not self._placing and not (followed and self._following):
            self.post_message(self.Moved(self))

    def watch_virtual_size(self) -> None:
        """Keep the end in view while the text grows, if the user is there."""
        self.follow()

    def follow(self) -> None:
        """Go to the end, if the user is there."""
        if self._following and self.blocks:
            self.scroll_end(animate=False)

    def place(self) -> Place:
        """Where the user reads."""
        if self._following:
            return Place(None, 1)
        top = self.scroll_y
        for block in self.blocks:
            start, height = block.virtual_region.y, block.virtual_region.height
            if start + height > top:
                return Place(block.exchange, max(0.0, top - start) / max(1, height))
        return Place(None, 1)

    def go_to(self, place: Place) -> None:
        """Scroll to where another pane is, as near as the own exchanges allow."""
        target = self._line_of(place)
        if target is not None:
            self._placing = True
            self.scroll_to(y=target, animate=False, immediate=True)
            self._following = place.exchange is None
            self._placing = False

    def _line_of(self, place: Place) -> float | None:
        if place.exchange is None:
            return self.max_scroll_y
        for block in self.blocks:
            if block.exchange is place.exchange:
                return block.virtual_region.y + place.share * block.virtual_region.height
        return None
