"""Asking: a prompt goes out, answers come in; stop, again, edit, clear."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work

from workbench.chat.protocol import Delta, Done, EngineDied, Failed, Finished
from workbench.core.sanitize import visible
from workbench.tui.chat.base import ChatBase
from workbench.tui.chat.messages import (
    AnswerCompleted,
    Asked,
    ConversationCleared,
    ExchangeCompleted,
    ExchangeTakenBack,
)
from workbench.tui.commands import command
from workbench.tui.widgets.chat.prompt import PromptBox

if TYPE_CHECKING:
    from workbench.chat.client import AnswerEvent
    from workbench.chat.dialogue import Exchange


class Asking(ChatBase):
    """The conversation itself."""

    BINDINGS: ClassVar = [
        command("escape", "stop_or_leave", "Stop/back", "Stop the answers; when idle, go back."),
        command("ctrl+r,r", "regenerate", "Again", "Ask the last prompt once more."),
        command("ctrl+o,e", "edit", "Edit", "Take the last prompt back to change and resend it."),
        command("ctrl+l", "clear", "Clear", "Forget the conversation in every lane.", footer=False),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say which keys do something now; None greys them."""
        match action:
            case "regenerate":
                return True if self.session.can_ask_again else None
            case "edit" | "clear":
                return True if self.session.can_forget else None
            case _:
                return super().check_action(action, parameters)

    @on(PromptBox.Sent)
    def _take_prompt(self, message: PromptBox.Sent) -> None:
        self.send(message.prompt)

    def send(self, prompt: str, *, alone: bool = False) -> None:
        """Ask now, or as soon as the engine is ready; while it answers the prompt stays."""
        match self.engine:
            case "ready":
                if not alone:
                    self.prompt.accept()
                self._answer(prompt, alone=alone)
            case "loading":
                self.session.waiting = prompt
                self.notify("Asked as soon as the models are loaded.")
            case "answering":
                self.notify("Still answering: Escape stops it.")
            case "down":
                self.notify("The engine is down: F5 starts it again.", severity="warning")

    @work(exclusive=True, group="answer")
    async def _answer(self, prompt: str, *, alone: bool = False) -> None:
        exchange = self.session.ask(prompt, alone=alone)
        self.begin(exchange)
        self.reflect()
        for pane in self.panes.values():
            await pane.ask(exchange)
        self.post_message(Asked(exchange))
        async with self.talking:
            events = self.client.generate(
                exchange.conversations,
                max_tokens=exchange.settings.max_tokens,
                sampling=exchange.settings.sampling,
                strengths=exchange.strengths,
            )
            async for event in events:
                await self._take(event, exchange)

    async def _take(self, event: AnswerEvent, exchange: Exchange) -> None:
        match event:
            case Delta():
                self.pane_for(exchange, event.lane).write(event.text)
            case Done():
                self.session.answer(event)
                await self.pane_for(exchange, event.lane).finish(event)
                self.post_message(AnswerCompleted(exchange, event.lane, event))
            case Finished():
                self.session.finish()
                self.reflect()
                self.post_message(ExchangeCompleted(exchange))
            case Failed():
                await self._refused(event)
            case EngineDied():
                await self.trouble(event)

    async def _refused(self, event: Failed) -> None:
        """The engine lives but could not answer: take the prompt back into the box."""
        self.session.finish()
        self.prompt.text = await self._take_back()
        self.notify(visible(event.text), severity="error", markup=False)

    async def _take_back(self) -> str:
        """Forget the last exchange and return its prompt."""
        exchange = self.session.take_back()
        for pane in self.panes.values():
            await pane.take_back(exchange)
        self.reflect()
        self.post_message(ExchangeTakenBack(exchange))
        return exchange.prompt

    def action_stop_or_leave(self) -> None:
        """Stop the answers, or go back when there is nothing to stop."""
        if self.engine == "answering":
            self.client.cancel()
        else:
            self.dismiss()

    async def action_regenerate(self) -> None:
        """Take the last exchange back and ask it again."""
        alone = self.session.exchanges[-1].alone
        self._answer(await self._take_back(), alone=alone)

    async def action_edit(self) -> None:
        """Take the last exchange back into the prompt."""
        self.prompt.put(await self._take_back())

    async def action_clear(self) -> None:
        """Forget the conversation in every lane."""
        self.session.dialogue.clear()
        for pane in self.panes.values():
            await pane.clear()
        self.reflect()
        self.post_message(ConversationCleared())
