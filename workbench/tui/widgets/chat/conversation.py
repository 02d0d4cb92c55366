"""The conversation: both answers to every prompt, what is known about them, and the prompt."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on
from textual.containers import Vertical
from textual.message import Message

from workbench.chat.conversation import (
    AnswerFinished,
    EngineDown,
    EngineReady,
    ExchangeFinished,
    ExchangeRefused,
    ExchangeStarted,
    ScoresChanged,
    ScoringFailed,
)
from workbench.chat.packs import shipped_pack
from workbench.chat.protocol import Delta, Progress
from workbench.core.errors import FtwbError
from workbench.core.sanitize import visible
from workbench.evaluation.interpolation_curve import read_curve
from workbench.tui.widgets.chat.commands import EXCHANGE_COMMANDS
from workbench.tui.widgets.chat.engine_error import EngineErrorBar
from workbench.tui.widgets.chat.engine_facts import EngineFacts
from workbench.tui.widgets.chat.labels import answer_view, engine_facts, lane_views
from workbench.tui.widgets.chat.lane import LanePane
from workbench.tui.widgets.chat.lane_board import LaneBoard
from workbench.tui.widgets.chat.probe_list import ProbeList
from workbench.tui.widgets.chat.prompt import PromptBox
from workbench.tui.widgets.chat.strength import StrengthCurveView

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from textual.app import ComposeResult
    from textual.notifications import SeverityLevel
    from textual.worker import Worker

    from workbench.chat.annotations import Judgement
    from workbench.chat.blind import Choice
    from workbench.chat.conversation import EngineConversation, Event
    from workbench.chat.dialogue import Exchange
    from workbench.chat.session import ChatSession, Phase

_BLIND_NOTICE = "blind: the next answers are called X and Y · alt+m ends it"
_NOT_NOW: dict[Phase, tuple[str, SeverityLevel]] = {
    "loading": ("The prompt will be sent once the models are loaded.", "information"),
    "answering": ("Still answering: Escape stops it.", "information"),
    "judging": ("Which answer is better? alt+x X, alt+y Y, alt+s the same.", "information"),
    "down": ("The engine is down: F5 restarts it.", "warning"),
}


class ConversationView(Vertical):
    """Shows what happens in the session, and owns the keys that act on its exchanges."""

    BINDINGS: ClassVar = [*EXCHANGE_COMMANDS]

    @dataclass
    class ExchangeEnded(Message):
        """No more answers of an exchange will arrive; ``error`` says why some are missing."""

        exchange: Exchange
        error: str = ""

    def __init__(
        self, session: ChatSession, engine: EngineConversation, *, question: str = ""
    ) -> None:
        """Show ``session``, with a question ready to be sent."""
        super().__init__(id="conversation")
        self.session = session
        self.engine = engine
        self.pack = shipped_pack()
        self.facts = EngineFacts()
        self.board = LaneBoard(session.lanes.names)
        self.probes = ProbeList(self.pack)
        self.curve = StrengthCurveView()
        self.error_bar = EngineErrorBar()
        self.prompt = PromptBox(question)

    def compose(self) -> ComposeResult:
        yield self.facts
        yield self.board
        yield self.probes
        yield self.curve
        yield self.error_bar
        yield self.prompt

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey the keys that do not apply now."""
        applies = self.board.paged if action == "next_lane" else self.session.can(action)
        return super().check_action(action, parameters) if applies else None

    # Showing the session

    def refresh_view(self) -> None:
        """Show the state of the session around its exchanges."""
        session = self.session
        empty, hidden = not session.exchanges, session.blind.exchange is not None
        self.set_class(empty, "-empty")
        self.set_class(hidden, "-blind")
        self.error_bar.display = session.engine == "down"
        self.prompt.offers_probes = empty
        self.prompt.lane_count = len(session.lanes)
        self.prompt.notice = _BLIND_NOTICE if session.blind.enabled and not hidden else ""
        self.board.show_views(lane_views(session))
        if facts := engine_facts(session, scroll_together=self.board.scroll_together):
            self.facts.show(facts)
        if lane := session.lanes.adjustable:
            self.curve.strength = lane.strength
        self.refresh_bindings()

    def refresh_exchange(self, exchange: Exchange) -> None:
        """Show the answers of an exchange in the session's view, with their notes."""
        for block in self.board.blocks(exchange):
            block.view = answer_view(self.session, exchange, block.lane)

    def follow(self, events: AsyncGenerator[Event], name: str, group: str) -> Worker[None]:
        """Show events as they come, replacing the worker of the same group.

        The worker belongs to the screen, whose error handler shows why it failed.
        """
        show = partial(self._show_all, events)
        return self.screen.run_worker(show, name=name, group=group, exclusive=True)

    async def _show_all(self, events: AsyncGenerator[Event]) -> None:
        async with aclosing(events):
            async for event in events:
                await self._show(event)

    async def _show(self, event: Event) -> None:
        match event:
            case Delta():
                self.board.write(event)
                return
            case Progress():
                self.facts.show_progress(event)
            case EngineReady():
                self._read_curve()
                self.ask_next()
            case EngineDown():
                await self._show_engine_down(event)
            case ExchangeStarted(exchange):
                self.board.select(None)
                await self.board.ask(exchange, self.session.blind.assignment_of(exchange))
            case AnswerFinished(_, done):
                await self.board.finish(done)
            case ExchangeFinished(exchange):
                self._refresh_and_score(exchange)
                self.post_message(self.ExchangeEnded(exchange))
            case ExchangeRefused(exchange, reason):
                await self.board.take_back(exchange)
                self.prompt.put(exchange.prompt)
                self.notify(visible(reason), severity="error", markup=False)
            case ScoresChanged(exchange):
                self.refresh_exchange(exchange)
            case ScoringFailed(reason):
                self.notify(visible(reason), severity="error", markup=False)
        self.refresh_view()

    async def _show_engine_down(self, event: EngineDown) -> None:
        """Show why, and whose the incomplete answers are: they cannot be judged any more."""
        self.error_bar.show(event.failure)
        if unfinished := event.unfinished:
            await self.board.give_up(unfinished)
            self.post_message(self.ExchangeEnded(unfinished, event.reason))
        await self._reveal()

    def _read_curve(self) -> None:
        try:
            self.curve.curve = read_curve(self.session.run)
        except FtwbError:  # not swept, or by another version: there is nothing to show
            self.curve.curve = None

    # Asking

    @on(PromptBox.Submitted)
    def _submit(self, message: PromptBox.Submitted) -> None:
        self.submit(message.prompt)

    @on(PromptBox.DigitTyped)
    def _choose_probe(self, message: PromptBox.DigitTyped) -> None:
        self.probes.choose(message.digit)

    @on(ProbeList.Chosen)
    def _ask_probe(self, message: ProbeList.Chosen) -> None:
        self.ask_probe(message.prompt)

    def ask_probe(self, prompt: str) -> None:
        """Put a question into the prompt and send it."""
        self.prompt.put(prompt)
        self.submit(prompt)

    def submit(self, prompt: str) -> None:
        """Send a prompt, or say why that is not possible now."""
        phase = self.session.phase
        if phase == "ready":
            self._ask(self.session.ask(prompt))
            return
        if phase == "loading":
            self.session.queue.waiting = prompt
        text, severity = _NOT_NOW[phase]
        self.notify(text, severity=severity)

    def ask_next(self) -> None:
        """Send the next queued prompt, if it can be sent now."""
        if exchange := self.session.ask_next():
            self._ask(exchange)

    def _ask(self, exchange: Exchange) -> None:
        if not exchange.standalone:
            self.prompt.accept(exchange.prompt)
        self.refresh_view()
        self.follow(self.engine.ask(exchange), "answering", "answer")

    async def _take_back(self) -> Exchange:
        exchange = self.session.take_back()
        await self.board.take_back(exchange)
        self.refresh_view()
        return exchange

    async def action_regenerate(self) -> None:
        exchange = await self._take_back()
        self._ask(self.session.ask(exchange.prompt, standalone=exchange.standalone))

    async def action_edit(self) -> None:
        self.prompt.put((await self._take_back()).prompt)

    async def action_clear(self) -> None:
        self.session.clear()
        await self.board.clear()
        self.refresh_view()

    # Selecting and viewing

    def action_select_exchange(self, step: int) -> None:
        self.session.selection.move(step)
        self.board.select(self.session.selection.exchange)
        if target := self.session.target:
            self.board.scroll_to_exchange(target)
        self._score()
        self.refresh_bindings()

    def action_show_differences(self) -> None:
        self._toggle_view("differences")

    def action_show_surprise(self) -> None:
        self._toggle_view("surprise")

    def _toggle_view(self, view: Literal["differences", "surprise"]) -> None:
        self.session.toggle_view(view)
        for exchange in self.session.exchanges:
            self.refresh_exchange(exchange)
        self._score()
        self.refresh_bindings()

    def _refresh_and_score(self, exchange: Exchange) -> None:
        self.refresh_exchange(exchange)
        self._score()

    def _score(self) -> None:
        if exchange := self.session.exchange_to_score():
            self.follow(self.engine.score(exchange), "scoring the answers", "score")

    # Judging

    def action_annotate(self, judgement: Judgement) -> None:
        if exchange := self.session.target:
            self._annotate(exchange, self.session.annotations.toggled(exchange, judgement))

    def _annotate(
        self, exchange: Exchange, judgement: Judgement | None, *, blind: bool = False
    ) -> None:
        try:
            self.session.annotations.add(exchange, judgement, blind=blind)
        except FtwbError as error:
            self.notify(str(error), severity="error", markup=False)
        self.refresh_exchange(exchange)

    async def action_blind(self) -> None:
        """Begin or end blind mode; answers that are hidden now are revealed without a judgement."""
        self.session.blind.enabled = not self.session.blind.enabled
        await self._reveal()
        self.refresh_view()
        self.ask_next()

    async def action_judge(self, choice: Choice) -> None:
        """Judge the hidden answers, then reveal which model gave them."""
        if exchange := self.session.blind.exchange:
            judgement = self.session.blind.judgement(choice)
            await self._reveal()
            self._annotate(exchange, judgement, blind=True)
            self.refresh_view()
            self.ask_next()

    async def _reveal(self) -> None:
        if exchange := self.session.blind.reveal():
            await self.board.reveal(exchange)
            self._refresh_and_score(exchange)

    # Lanes

    def action_strength(self, by: float) -> None:
        self.session.lanes.change_strength(by)
        self.refresh_view()

    @on(LanePane.Focused)
    def _adjust_focused(self, message: LanePane.Focused) -> None:
        self.session.lanes.focused = message.lane
        self.refresh_view()

    def action_next_lane(self) -> None:
        self.board.show_next()

    def action_scroll_together(self) -> None:
        self.board.scroll_together = not self.board.scroll_together
        self.refresh_view()
        how = "together" if self.board.scroll_together else "separately"
        self.notify(f"The answers scroll {how}.")

    @on(PromptBox.AnswersScrolled)
    def _scroll_answers(self, message: PromptBox.AnswersScrolled) -> None:
        self.board.scroll_half_page(message.direction)
