"""Keeping what was said: the transcript, copies that arrive, and earlier exchanges found again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import on, work

from workbench.chat.protocol import EngineDied
from workbench.chat.transcript_pages import as_markdown
from workbench.chat.transcripts import Record, Said, Transcript, read_transcripts
from workbench.core import locations
from workbench.core.errors import MachineError
from workbench.core.sanitize import visible
from workbench.tui.chat.base import ChatBase
from workbench.tui.chat.messages import ExchangeCompleted
from workbench.tui.clipboard import write_copy
from workbench.tui.commands import command
from workbench.tui.screens.choose import ChooseScreen, Item
from workbench.tui.screens.text import TextScreen

if TYPE_CHECKING:
    from workbench.chat.client import ChatClient
    from workbench.chat.dialogue import Exchange
    from workbench.chat.protocol import Failed
    from workbench.runs.folder import RunFolder

_GLIMPSE = 60
"""Characters of a text in a list."""
_EXCHANGE = "the whole exchange"


class Keeping(ChatBase):
    """Every exchange is saved as soon as it is complete; any of them can be taken elsewhere."""

    BINDINGS: ClassVar = [
        command(
            "alt+c,c", "copy", "Copy", "Copy an answer, or the exchange as Markdown.", footer=False
        ),
        command(
            "alt+w,w", "write", "Write", "Write the exchange into a Markdown file.", footer=False
        ),
        command(
            "alt+e,f", "earlier", "Earlier", "Search what this run was asked before.", footer=False
        ),
    ]

    def __init__(
        self, run: RunFolder, client: ChatClient | None = None, *, question: str = ""
    ) -> None:
        """Keep the chat in the folder of ``run``; the rest is as in ChatBase."""
        super().__init__(run, client, question=question)
        self._transcript = Transcript(run)
        self._writing = asyncio.Lock()
        self._complained = False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say which keys do something now; None greys them."""
        if action in ("copy", "write"):
            last = self.session.last
            return True if last and last.answers else None
        return super().check_action(action, parameters)

    # The transcript

    @on(ExchangeCompleted)
    def _keep_completed(self, message: ExchangeCompleted) -> None:
        self._keep(self._record(message.exchange))

    async def trouble(self, event: Failed | EngineDied) -> None:
        """Keep what was answered before the engine went down."""
        cut, last = self.engine == "answering", self.session.last
        await super().trouble(event)
        if cut and last:
            reason = event.reason if isinstance(event, EngineDied) else event.text
            self._keep(self._record(last, reason))

    async def on_unmount(self) -> None:
        """Keep what was answered when the chat is left in the middle."""
        if self.engine == "answering" and self.session.last:
            self._save(self._record(self.session.last, "the chat was left"))

    @work(group="keep")
    async def _keep(self, record: Record) -> None:
        """Save without holding up the screen; say once that it cannot be done."""
        async with self._writing:
            complaint = await asyncio.to_thread(self._save, record)
        if complaint and not self._complained:
            self._complained = True
            told = f"This chat is not being saved: {complaint}"
            self.notify(told, severity="warning", markup=False)

    def _save(self, record: Record) -> str:
        """Save, and return why that failed if it did: the chat goes on in either case."""
        try:
            self._transcript.add(record)
        except MachineError as error:
            return str(error)
        return ""

    def _record(self, exchange: Exchange, trouble: str = "") -> Record:
        proof, settings = self.session.proof, exchange.settings
        return Record(
            turn=max(_turn(exchange, lane) for lane in exchange.conversations),
            prompt=exchange.prompt,
            system=settings.system,
            sampling=settings.sampling,
            max_tokens=settings.max_tokens,
            strengths=dict(exchange.strengths),
            proof=proof.state if proof else "missing",
            models={lane.name: lane.title for lane in self.session.lanes},
            answers={lane: Said.of(done) for lane, done in exchange.answers.items()},
            trouble=trouble,
        )

    # Copies

    @work
    async def action_copy(self) -> None:
        """Choose what to copy of the last exchange; the lane in focus is offered first."""
        exchange = self.session.last
        if exchange is None:
            return
        items = [
            Item(lane, f"the {lane} answer", _glimpse(exchange.answers[lane].text))
            for lane in self._lanes_by_focus()
            if lane in exchange.answers
        ]
        items.append(Item(_EXCHANGE, _EXCHANGE, "prompt and all answers, as Markdown"))
        chosen = await self.app.push_screen_wait(ChooseScreen("Copy", items))
        if chosen == _EXCHANGE:
            self.app.copy_to_clipboard(self._page(exchange))
        elif chosen:
            self.app.copy_to_clipboard(visible(exchange.answers[chosen].text))

    @work(exit_on_error=False)
    async def action_write(self) -> None:
        """Write the last exchange into a file beside the transcripts."""
        if exchange := self.session.last:
            page, folder = self._page(exchange), self.session.run.chats
            path = await asyncio.to_thread(write_copy, page, folder, ".md")
            self.notify(f"Written to {locations.shorten(path)}", markup=False)

    def _lanes_by_focus(self) -> list[str]:
        """Every lane: the one in focus first, else the tuned one, which is asked for most."""
        focused = next((lane for lane, pane in self.panes.items() if pane.has_focus), "tuned")
        return sorted(self.panes, key=lambda lane: lane != focused)

    def _page(self, exchange: Exchange) -> str:
        return as_markdown(self._record(exchange), self.session.run.id)

    # Earlier exchanges

    @work(exit_on_error=False)
    async def action_earlier(self) -> None:
        """Choose an earlier exchange with this run: its prompt comes back, its answers show."""
        records = await asyncio.to_thread(read_transcripts, self.session.run)
        if not records:
            self.notify("Nothing was asked of this run before.")
            return
        items = [_earlier(number, record) for number, record in enumerate(records)]
        title = f"Asked before: {len(records)}"
        if chosen := await self.app.push_screen_wait(ChooseScreen(title, items[::-1])):
            record = records[int(chosen)]
            self.prompt.put(record.prompt)
            self.app.push_screen(TextScreen(record.when, as_markdown(record, record.when)))


def _turn(exchange: Exchange, lane: str) -> int:
    return sum(turn.role == "user" for turn in exchange.conversations[lane])


def _earlier(number: int, record: Record) -> Item:
    """A line of the list; it is found by every word that was said."""
    return Item(str(number), _glimpse(record.prompt), record.when, keywords=record.text)


def _glimpse(text: str) -> str:
    flat = " ".join(visible(text).split())
    return flat if len(flat) <= _GLIMPSE else f"{flat[: _GLIMPSE - 1]}…"
