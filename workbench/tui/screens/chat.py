"""The split chat: one prompt, the base's answer beside the tuned model's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.widgets import Footer

from workbench.chat.candidates import Candidate, candidates
from workbench.chat.client import EngineClient
from workbench.chat.conversation import EngineConversation
from workbench.chat.prompt_sources import load_packs
from workbench.chat.session import ChatSession
from workbench.chat.titles import TUNED
from workbench.chat.transcript_pages import as_markdown
from workbench.chat.transcripts import read_transcripts
from workbench.core import locations
from workbench.tui.clipboard import write_copy
from workbench.tui.commands import command
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.chat_dialogs import (
    copy_dialog,
    lane_dialog,
    probe_dialog,
    transcript_dialog,
)
from workbench.tui.screens.chat_settings import ChatSettingsScreen
from workbench.tui.screens.new_probe import NewProbeScreen
from workbench.tui.screens.text import TextScreen
from workbench.tui.widgets.chat.conversation import ConversationView
from workbench.tui.widgets.common.band import BandLine
from workbench.tui.widgets.common.top_bar import TopBar

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.chat.client import ChatClient
    from workbench.chat.dialogue import Exchange
    from workbench.chat.transcripts import ExchangeRecord
    from workbench.runs.folder import RunFolder


class ChatScreen(WorkbenchScreen):
    """Base on the left, tuned on the right, one prompt below; both answers stream together."""

    ABOUT = (
        "The same prompt goes to the untouched base model and to the tuned one. Each side "
        "remembers its own answers. Decoding is greedy unless the settings say otherwise, so any "
        "difference is what was learned or forgotten. Letters with alt or ctrl also work in the "
        "prompt; the letter alone works once tab has moved the focus to an answer."
    )
    CSS_PATH = "chat.tcss"
    AUTO_FOCUS = "#prompt"
    BINDINGS: ClassVar = [
        command("escape", "stop_or_leave", "Stop/back", "Stop the answers; when idle, go back."),
        command("ctrl+t", "probes", "Probes", "Ask a probe prompt, or a whole pack in a row."),
        command(
            "f8",
            "settings",
            "Settings",
            "System prompt, temperature, top-p, seed and length, for every lane.",
        ),
        command(
            "ctrl+n,n",
            "lanes",
            "Lanes",
            "Add a run, a checkpoint or another strength beside the base, or remove one.",
        ),
        command(
            "alt+t,t",
            "add_probe",
            "To suite",
            "Ask this question in every future run; the expected answer is the base's.",
            footer=False,
        ),
        command(
            "alt+c,c", "copy", "Copy", "Copy an answer, or the exchange as Markdown.", footer=False
        ),
        command(
            "alt+w,w", "write", "Write", "Write the exchange to a Markdown file.", footer=False
        ),
        command(
            "alt+e,f", "search", "Earlier", "Search earlier exchanges with this run.", footer=False
        ),
        command("f5", "restart", "Restart", "Restart the engine and keep the chat.", footer=False),
    ]

    def __init__(
        self, run: RunFolder, client: ChatClient | None = None, *, question: str = ""
    ) -> None:
        """Chat with ``run``, with a question ready to be sent.

        Args:
            run: Its base and its result answer.
            client: The engine; a new process by default.
            question: Put into the prompt.
        """
        super().__init__()
        self.session = ChatSession(run)
        self.engine = EngineConversation(self.session, client or EngineClient(run))
        self.conversation = ConversationView(self.session, self.engine, question=question)

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield BandLine(self.session.run)
        yield self.conversation
        yield Footer(compact=True)

    def on_mount(self) -> None:
        self.action_restart()

    async def on_unmount(self) -> None:
        """Save what was answered when the chat is left in the middle, and end the engine."""
        unfinished = self.session.dialogue.last
        if self.session.engine == "answering" and unfinished:
            self.session.transcript.save(self.session.record(unfinished, "the chat was closed"))
        await self.engine.close()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey the keys that do not apply now."""
        return super().check_action(action, parameters) if self.session.can(action) else None

    def action_restart(self) -> None:
        self.conversation.follow(self.engine.open(), "opening the chat engine", "engine")

    def action_stop_or_leave(self) -> None:
        self.session.queue.drop_pack()
        if self.session.engine == "answering":
            self.engine.cancel()
        else:
            self.dismiss()

    @on(ConversationView.ExchangeEnded)
    def _save_exchange(self, message: ConversationView.ExchangeEnded) -> None:
        self._save(self.session.record(message.exchange, message.error))

    @work(group="transcript", name="saving the exchange")
    async def _save(self, record: ExchangeRecord) -> None:
        if error := await asyncio.to_thread(self.session.transcript.save, record):
            message = f"This chat is not being saved: {error}"
            self.notify(message, severity="warning", markup=False)

    # Dialogs

    @work(name="choosing the settings")
    async def action_settings(self) -> None:
        dialog = ChatSettingsScreen(self.session.settings)
        if settings := await self.app.push_screen_wait(dialog):
            self.session.settings = settings
            self.conversation.refresh_view()

    @work(name="choosing a probe prompt")
    async def action_probes(self) -> None:
        """Choose a question, or a whole pack to be asked in a row."""
        packs, errors = await asyncio.to_thread(load_packs, self.session.run)
        for error in errors:
            self.notify(error, severity="warning", markup=False)
        prompts = await self.app.push_screen_wait(probe_dialog(packs))
        if prompts and len(prompts) == 1:
            self.conversation.ask_probe(prompts[0])
        elif prompts:
            self.session.queue.pack = list(prompts)
            self.notify(f"{len(prompts)} questions, each asked on its own. Escape stops them.")
            self.conversation.ask_next()

    @work(name="choosing the lanes")
    async def action_lanes(self) -> None:
        """Choose a lane to add or remove; the engine then opens its lanes again."""
        lanes = self.session.lanes
        available = await asyncio.to_thread(candidates, self.session.run)
        chosen = await self.app.push_screen_wait(lane_dialog(lanes, available))
        if chosen is None:
            return
        if isinstance(chosen, Candidate):
            lane = lanes.add(chosen.source(lanes.free_name()), chosen.title)
            await self.conversation.board.add(lane.name)
        else:
            lanes.remove(chosen.name)
            await self.conversation.board.remove_lane(chosen.name)
        self.action_restart()

    @work(name="copying an answer")
    async def action_copy(self) -> None:
        """Choose what to copy of the last exchange; the focused lane's answer comes first."""
        if exchange := self.session.dialogue.last:
            panes = self.conversation.board.panes
            focused = next((lane for lane, pane in panes.items() if pane.has_focus), TUNED)
            lanes = sorted(panes, key=lambda lane: lane != focused)
            dialog = copy_dialog(exchange, lanes, self._page(exchange))
            text = await self.app.push_screen_wait(dialog)
            if text is not None:
                self.app.copy_to_clipboard(text)

    @work(name="writing the exchange")
    async def action_write(self) -> None:
        """Write the last exchange to a file beside the transcripts."""
        if exchange := self.session.dialogue.last:
            page, folder = self._page(exchange), self.session.run.chats
            path = await asyncio.to_thread(write_copy, page, folder, ".md")
            self.notify(f"Written to {locations.shorten(path)}", markup=False)

    def _page(self, exchange: Exchange) -> str:
        return as_markdown(self.session.record(exchange), self.session.run.id)

    @work(name="searching earlier exchanges")
    async def action_search(self) -> None:
        """Choose an earlier exchange: its prompt comes back, and its answers are shown."""
        records = await asyncio.to_thread(read_transcripts, self.session.run)
        if not records:
            self.notify("No earlier exchange with this run.")
        elif record := await self.app.push_screen_wait(transcript_dialog(records)):
            self.conversation.prompt.put(record.prompt)
            self.app.push_screen(TextScreen(record.when, as_markdown(record, record.when)))

    @work(name="adding the question to your suite")
    async def action_add_probe(self) -> None:
        """Add the question to the user's suite."""
        if exchange := self.session.target:
            added = await self.app.push_screen_wait(NewProbeScreen(exchange))
            if added:
                self.notify(f"Asked in every future run: mine/{added}", markup=False)
