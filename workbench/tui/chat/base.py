"""What every concern of the chat screen stands on: its session, its engine and its panes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import work

from workbench.chat.client import EngineClient
from workbench.chat.protocol import EngineDied, Failed, Opened, Progress, Weighed
from workbench.chat.session import ChatSession
from workbench.core.sanitize import visible
from workbench.tui.chat import labels
from workbench.tui.chat.messages import ChatOpened
from workbench.tui.commands import command
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.widgets.chat.engine_error import EngineErrorBar
from workbench.tui.widgets.chat.engine_facts import EngineFacts
from workbench.tui.widgets.chat.lane_board import LaneBoard
from workbench.tui.widgets.chat.prompt import PromptBox

if TYPE_CHECKING:
    from workbench.chat.client import ChatClient
    from workbench.chat.dialogue import Exchange
    from workbench.chat.session import Engine
    from workbench.runs.folder import RunFolder
    from workbench.tui.widgets.chat.lane import LanePane

_ROOMY = 60
"""Columns of a pane from which its badge is written in full."""


class ChatBase(WorkbenchScreen):
    """The session and its engine; a concern adds keys and listens to what happens.

    Attributes:
        session: What is known and said.
        client: The engine.
    """

    BINDINGS: ClassVar = [
        command(
            "f5", "restart", "Restart", "Start the engine again; the chat is kept.", footer=False
        ),
    ]

    def __init__(
        self, run: RunFolder, client: ChatClient | None = None, *, question: str = ""
    ) -> None:
        """Chat with ``run``; a client of its own is started unless one is given.

        ``question`` stands in the prompt, ready to be sent.
        """
        super().__init__()
        self.session = ChatSession(run)
        self.client = client or EngineClient(run)
        self.question = question
        self.talking = asyncio.Lock()
        """Held while the engine is asked something: it has one line only."""

    @property
    def engine(self) -> Engine:
        """What the engine is doing."""
        return self.session.engine

    @property
    def board(self) -> LaneBoard:
        """The panes."""
        return self.query_one(LaneBoard)

    @property
    def panes(self) -> dict[str, LanePane]:
        """Every pane by its lane."""
        return self.board.panes

    @property
    def prompt(self) -> PromptBox:
        """Where the user asks."""
        return self.query_one(PromptBox)

    def send(self, prompt: str, *, alone: bool = False) -> None:
        """Ask every lane now, or as soon as that is possible; ``alone`` as in an exchange."""
        raise NotImplementedError

    def can_ask(self) -> bool:
        """Whether a prompt could be asked now."""
        return self.engine == "ready"

    def action_stop_or_leave(self) -> None:
        """Stop the answers, or go back when there is nothing to stop."""
        raise NotImplementedError

    def begin(self, exchange: Exchange) -> None:
        """Prepare for an exchange that is about to be asked."""

    def pane_for(self, exchange: Exchange, lane: str) -> LanePane:
        """Where the answer of ``lane`` is written."""
        del exchange
        return self.panes[lane]

    def strength_lane(self) -> str | None:
        """The lane whose strength the keys change, if there is one."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say which keys do something now; None greys them."""
        if action == "restart":
            return True if self.engine == "down" else None
        return super().check_action(action, parameters)

    # Showing the session

    def reflect(self) -> None:
        """Show where the session stands: titles, facts, which keys do something."""
        empty = not self.session.exchanges
        self.set_class(empty, "-empty")
        self.set_class(self.engine == "down", "-trouble")
        self.prompt.offers_digits = empty
        self.prompt.address(len(self.session.lanes))
        for lane in self.session.lanes:
            self._entitle(lane.name)
        if told := labels.facts(self.session, together=self.board.together):
            self.query_one(EngineFacts).tell(*told)
        self.refresh_bindings()

    def _entitle(self, name: str) -> None:
        lane, pane, proof = self.session.lane(name), self.panes[name], self.session.proof
        chosen = self.strength_lane() == name
        short = pane.outer_size.width < _ROOMY
        pane.call(
            labels.name(lane, proof, self.board.turn_of(name)),
            labels.badge(lane, proof, chosen=chosen, short=short),
        )
        pane.introduce(labels.introduction(lane, proof))
        pane.remark(labels.remark(self.session, name))
        if name == labels.BASE:
            pane.doubt(labels.doubt(proof) if proof else "")

    # The engine

    def action_restart(self) -> None:
        """Start the engine afresh; the conversation is kept."""
        self.session.begin()
        self.reflect()
        self._open()

    @work(exclusive=True, group="open")
    async def _open(self) -> None:
        facts = self.query_one(EngineFacts)
        facts.tell("starting the engine …")
        self.client.others = self.session.others
        async for event in self.client.open():
            match event:
                case Progress():
                    facts.tell_progress(event)
                case Opened():
                    self._opened(event)
                case Failed() | EngineDied():
                    await self.trouble(event)

    def _opened(self, opened: Opened) -> None:
        waiting = self.session.open(opened)
        self.reflect()
        self.post_message(ChatOpened(opened))
        if waiting is not None:
            self.send(waiting)

    def _unanswered(self) -> list[LanePane]:
        """The panes whose newest answer was lost."""
        last = self.session.last
        return [pane for lane, pane in self.panes.items() if last and last.lacks(lane)]

    async def trouble(self, event: Failed | EngineDied) -> None:
        """The engine is gone: say why and which key mends it."""
        self.session.go_down()
        for pane in self._unanswered():
            await pane.give_up("no answer")
        self.query_one(EngineErrorBar).show(event)
        self.query_one(EngineFacts).tell("engine down")
        self.reflect()

    async def weigh(self, exchange: Exchange, lane: str, other: str) -> Weighed | None:
        """Ask token by token how two lanes differ on what ``lane`` answered.

        Why there is no answer is told to the user.
        """
        async with self.talking:
            event = await self.client.weigh(
                lane=lane,
                other=other,
                conversation=exchange.conversations[lane],
                tokens=exchange.answers[lane].token_ids,
                strengths=exchange.strengths,
            )
        if isinstance(event, Weighed):
            return event
        if isinstance(event, Failed):
            self.notify(visible(event.text), severity="error", markup=False)
        elif self.engine != "loading":
            await self.trouble(event)
        return None
