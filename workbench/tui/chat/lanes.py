"""More lanes, taking turns where there is little room, and scrolling them together."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import work

from workbench.chat.candidates import candidates
from workbench.chat.session import MOST_LANES
from workbench.tui.chat.base import ChatBase
from workbench.tui.chat.messages import LanesChanged
from workbench.tui.commands import command
from workbench.tui.screens.choose import ChooseScreen, Item

_OPEN = "open: "


class Lanes(ChatBase):
    """Which lanes there are, and how they share the room."""

    BINDINGS: ClassVar = [
        command(
            "ctrl+n,n",
            "lanes",
            "Lanes",
            "Put a run, a checkpoint or another strength beside the base, or take one away.",
        ),
        command(
            "ctrl+g,v",
            "next_lane",
            "Next lane",
            "Show the next lane, where there is no room for all of them.",
            footer=False,
        ),
        command(
            "ctrl+s,s",
            "scroll_together",
            "Scroll together",
            "Scroll all answers together, or each by itself.",
            footer=False,
        ),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say which keys do something now; None greys them."""
        match action:
            case "lanes":
                return True if self.engine in ("ready", "down") else None
            case "next_lane":
                return True if self.is_mounted and self.board.paged else None
            case _:
                return super().check_action(action, parameters)

    @work
    async def action_lanes(self) -> None:
        """Choose a lane to add, or one that was added to take it away."""
        known = await asyncio.to_thread(candidates, self.session.run)
        added = [lane for lane in self.session.lanes if lane.source]
        items = [
            Item(_OPEN + lane.name, f"✕ {lane.name}", f"{lane.title}  take it away")
            for lane in added
        ]
        if not self.session.full:
            items += [Item(each.key, each.title, each.detail) for each in known]
        title = f"Beside the base, {MOST_LANES} lanes at most"
        chosen = await self.app.push_screen_wait(ChooseScreen(title, items))
        if not chosen:
            return
        if chosen.startswith(_OPEN):
            await self._remove(chosen.removeprefix(_OPEN))
        else:
            candidate = next(each for each in known if each.key == chosen)
            name = self.session.free_name()
            self.session.add(candidate.source(name), candidate.title)
            await self.board.add(name)
        self._changed()

    async def _remove(self, name: str) -> None:
        self.session.remove(name)
        await self.board.take_away(name)

    def _changed(self) -> None:
        self.post_message(LanesChanged())
        self.action_restart()

    def action_next_lane(self) -> None:
        """Show the next lanes beside the base."""
        self.board.next()
        self.reflect()

    def action_scroll_together(self) -> None:
        """Scroll all answers together, or each by itself."""
        self.board.together = not self.board.together
        self.reflect()
        how = "together" if self.board.together else "each by itself"
        self.notify(f"The answers scroll {how}.")

    def action_scroll_lanes(self, direction: int) -> None:
        """Scroll the answers by half a page."""
        for pane in self.panes.values():
            pane.scroll_relative(y=direction * max(1, pane.size.height // 2), animate=False)
