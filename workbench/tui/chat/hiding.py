"""Blind judging: two answers whose authors are hidden until the user has said which is better."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on

from workbench.chat.blind import LETTERS, deal, verdict
from workbench.chat.titles import LANES
from workbench.tui.chat.judging import Judging
from workbench.tui.chat.messages import (
    ConversationCleared,
    ExchangeTakenBack,
    Revealed,
)
from workbench.tui.chat.sight import Sight
from workbench.tui.commands import command

if TYPE_CHECKING:
    from workbench.chat.dialogue import Exchange
    from workbench.chat.protocol import EngineDied, Failed
    from workbench.tui.widgets.chat.lane import LanePane

_TELLING = frozenset(
    {"copy", "write", "earlier", "to_suite", "mark", "lanes", "strength", "choose"}
)
"""Actions that would tell who is hidden, or lead away from the question."""
_BLIND = "blind: the next answers are called X and Y · alt+m ends it"


class Hiding(Sight, Judging):
    """Each exchange is dealt to the panes anew; judging it shows who was who."""

    BINDINGS: ClassVar = [
        command(
            "alt+m,m",
            "blind",
            "Blind",
            "Hide which answer is whose until you have said which is better.",
            footer=False,
        ),
        command("alt+x,x", "better(0)", "X better", "X's answer is the better one.", footer=False),
        command("alt+y,y", "better(1)", "Y better", "Y's answer is the better one.", footer=False),
        command("alt+s,=", "better(-1)", "Same", "Both answers are as good.", footer=False),
    ]

    blind = False
    """Whether the next exchange hides who answers."""
    _hidden: Exchange | None = None
    _dealt: dict[str, str] = {}  # noqa: RUF012 - replaced, never changed

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say which keys do something now; None greys them."""
        judgeable = self._hidden and self.engine == "ready"
        match action:
            case "blind":
                return True if self.session.names == LANES else None
            case "better":
                return True if judgeable else None
            case "view" if self._hidden and "surprise" in parameters:
                return None
            case _ if self._hidden and action in _TELLING:
                return None
            case _:
                return super().check_action(action, parameters)

    # Hiding

    async def action_blind(self) -> None:
        """Begin or end to hide; what is hidden now is shown, and not judged."""
        self.blind = not self.blind
        if self._hidden:
            await self._reveal(self._hidden)
        self.reflect()

    def reflect(self) -> None:
        """Say over the prompt that it will be answered blind."""
        super().reflect()
        self.prompt.tell(_BLIND if self.blind and not self._hidden else "")

    def begin(self, exchange: Exchange) -> None:
        """Deal the lanes of a new exchange to the panes."""
        super().begin(exchange)
        if self.blind and self.session.names == LANES:
            self._hidden, self._dealt = exchange, deal()
            self.add_class("-hiding")
            for letter, pane in zip(LETTERS, self.panes.values(), strict=True):
                pane.mask(letter)

    def pane_for(self, exchange: Exchange, lane: str) -> LanePane:
        """Where an answer is written."""
        if exchange is not self._hidden:
            return super().pane_for(exchange, lane)
        return next(self.panes[pane] for pane, shown in self._dealt.items() if shown == lane)

    def lane_in(self, exchange: Exchange, pane: str) -> str:
        """The lane whose answer a pane shows."""
        return self._dealt[pane] if exchange is self._hidden else pane

    def can_weigh(self) -> bool:
        """Not while it would tell which answer is whose."""
        return not self._hidden and super().can_weigh()

    def can_ask(self) -> bool:
        """Not before the hidden exchange is judged."""
        return not self._hidden and super().can_ask()

    def send(self, prompt: str, *, alone: bool = False) -> None:
        """Ask, once the answers before are judged."""
        if self._hidden and self.engine == "ready":
            self.notify("Which answer is better? alt+x X, alt+y Y, alt+s the same.")
        else:
            super().send(prompt, alone=alone)

    # Judging

    async def action_better(self, place: int) -> None:
        """Say which pane has the better answer, or with ``-1`` that both are as good."""
        if exchange := self._hidden:
            found = verdict(LANES[place] if place >= 0 else None, self._dealt)
            await self._reveal(exchange)
            self.judge(exchange, found, blind=True)

    async def _reveal(self, exchange: Exchange) -> None:
        """Give each pane the answer of its own lane, and its name back."""
        crossed = self._dealt[LANES[0]] != LANES[0]
        self._show_names()
        first, second = self.blocks_of(exchange).values()
        if crossed:
            await first.swap(second)
        for lane, done in exchange.answers.items():
            self.panes[lane].say(done.summary())
        self.look(exchange)
        self._weigh_target()
        self.post_message(Revealed(exchange))

    def _show_names(self) -> None:
        self._hidden = None
        self.remove_class("-hiding")
        for pane in self.panes.values():
            pane.mask(None)
        self.reflect()

    @on(ExchangeTakenBack)
    @on(ConversationCleared)
    def _forget_hidden(self) -> None:
        if self._hidden not in self.session.exchanges:
            self._show_names()

    async def trouble(self, event: Failed | EngineDied) -> None:
        """Answers that will not be completed cannot be judged: show whose they are."""
        await super().trouble(event)
        if self._hidden:
            await self._reveal(self._hidden)
