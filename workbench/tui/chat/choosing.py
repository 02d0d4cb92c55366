"""Which exchange the keys are about, and the lines that are noted under its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.content import Content

from workbench.tui.chat.base import ChatBase
from workbench.tui.chat.messages import Asked, ConversationCleared, ExchangeTakenBack
from workbench.tui.commands import command

if TYPE_CHECKING:
    from workbench.chat.dialogue import Exchange
    from workbench.tui.widgets.chat.exchange import ExchangeBlock


class Choosing(ChatBase):
    """The keys are about the newest exchange, unless the user went to an earlier one."""

    BINDINGS: ClassVar = [
        command("alt+up,p", "choose(-1)", "Earlier", "Go to the exchange before.", footer=False),
        command("alt+down,o", "choose(1)", "Later", "Go to the exchange after.", footer=False),
    ]

    _chosen: Exchange | None = None

    @property
    def target(self) -> Exchange | None:
        """The exchange that the keys are about."""
        return self._chosen or self.session.last

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say which keys do something now; None greys them."""
        if action == "choose":
            return True if len(self.session.exchanges) > 1 else None
        return super().check_action(action, parameters)

    def action_choose(self, step: int) -> None:
        """Go to another exchange; the last one is not marked, as the keys are about it anyway."""
        exchanges = self.session.exchanges
        if self.target is None:
            return
        place = exchanges.index(self.target) + step
        if 0 <= place < len(exchanges):
            self._choose(exchanges[place] if place < len(exchanges) - 1 else None)

    def _choose(self, exchange: Exchange | None) -> None:
        self._chosen = exchange
        for pane in self.panes.values():
            for block in pane.blocks:
                block.set_class(block.exchange is exchange, "-chosen")
        if self.target:
            for block in self.blocks_of(self.target).values():
                block.scroll_visible(animate=False, top=True)
        self.refresh_bindings()

    @on(Asked)
    @on(ConversationCleared)
    @on(ExchangeTakenBack)
    def _forget_choice(self) -> None:
        self._choose(None)

    def blocks_of(self, exchange: Exchange) -> dict[str, ExchangeBlock]:
        """Where an exchange is shown, by the pane's lane."""
        return {
            lane: block
            for lane, pane in self.panes.items()
            for block in pane.blocks
            if block.exchange is exchange
        }

    def lane_in(self, exchange: Exchange, pane: str) -> str:
        """The lane whose answer a pane shows: its own, unless it hides who answers."""
        del exchange
        return pane

    def notes_on(self, exchange: Exchange, lane: str) -> list[Content]:
        """The lines under an answer; a concern adds its own to those of the others."""
        done = exchange.answers.get(lane)
        return [Content("(empty answer)")] if done and not done.text.strip() else []

    def annotate(self, exchange: Exchange) -> None:
        """Write the lines under the answers of an exchange anew."""
        for pane, block in self.blocks_of(exchange).items():
            notes = self.notes_on(exchange, self.lane_in(exchange, pane))
            block.note(Content("\n").join(notes) if notes else None)
