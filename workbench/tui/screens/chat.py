"""The split chat: one prompt, the base's answer beside the tuned model's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.widgets import Footer

from workbench.chat.packs import shipped_pack
from workbench.tui.chat.asking import Asking
from workbench.tui.chat.hiding import Hiding
from workbench.tui.chat.keeping import Keeping
from workbench.tui.chat.lanes import Lanes
from workbench.tui.chat.packs import Packs
from workbench.tui.chat.settings import Settings
from workbench.tui.chat.strengths import Strengths
from workbench.tui.widgets.chat.engine_error import EngineErrorBar
from workbench.tui.widgets.chat.engine_facts import EngineFacts
from workbench.tui.widgets.chat.lane_board import LaneBoard
from workbench.tui.widgets.chat.probe_list import ProbeList
from workbench.tui.widgets.chat.prompt import PromptBox
from workbench.tui.widgets.chat.strength import StrengthCurveView
from workbench.tui.widgets.common.top_bar import TopBar

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.chat.client import ChatClient
    from workbench.runs.folder import RunFolder


class ChatScreen(Hiding, Packs, Keeping, Settings, Strengths, Lanes, Asking):
    """Base on the left, tuned on the right, one prompt below; both answers stream together."""

    ABOUT = (
        "The same prompt goes to the untouched base model and to the tuned one. Each side "
        "remembers its own answers. Decoding is greedy unless the settings say otherwise, so that "
        "what differs is what was learned or forgotten. A letter with alt or ctrl works in the "
        "prompt too; the letter alone works once tab has gone to an answer."
    )
    CSS_PATH = "chat.tcss"
    AUTO_FOCUS = "#prompt"

    def __init__(
        self, run: RunFolder, client: ChatClient | None = None, *, question: str = ""
    ) -> None:
        """Chat with ``run``; a client of its own is started unless one is given.

        ``question`` stands in the prompt, ready to be sent.
        """
        super().__init__(run, client, question=question)
        self._pack = shipped_pack()

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield TopBar()
        yield EngineFacts()
        yield LaneBoard(self.session.names)
        yield ProbeList(self._pack)
        yield StrengthCurveView()
        yield EngineErrorBar()
        yield PromptBox()
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Start the engine; typing is possible while it loads."""
        self.prompt.text = self.question
        self.action_restart()

    async def on_unmount(self) -> None:
        """End the engine with the screen."""
        await self.client.close()

    def on_resize(self) -> None:
        """Fit titles to the room."""
        self.call_after_refresh(self.reflect)

    @on(PromptBox.Digit)
    def _take_digit(self, message: PromptBox.Digit) -> None:
        self.query_one(ProbeList).choose(message.number)

    @on(ProbeList.Chosen)
    def _take_probe(self, message: ProbeList.Chosen) -> None:
        self.prompt.text = message.prompt
        self.prompt.focus()
        self.send(message.prompt)
