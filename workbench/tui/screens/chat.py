"""The split chat: one prompt, the base's answer beside the tuned model's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.containers import Container
from textual.reactive import var
from textual.widgets import Footer, Input

from workbench.inference.client import EngineClient
from workbench.inference.dialogue import Dialogue
from workbench.inference.messages import (
    Delta,
    Done,
    EngineDied,
    Failed,
    Finished,
    Opened,
    Progress,
    Sampling,
)
from workbench.inference.packs import shipped_pack
from workbench.inference.titles import LANES, lane_titles
from workbench.tui.commands import command
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.choose import ChooseScreen, Item
from workbench.tui.widgets.engine_facts import EngineFacts
from workbench.tui.widgets.lane import LanePane
from workbench.tui.widgets.probe_list import ProbeList
from workbench.tui.widgets.prompt import PromptBox
from workbench.tui.widgets.top_bar import TopBar
from workbench.tui.widgets.trouble import Trouble
from workbench.untrusted import visible

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from textual.app import ComposeResult

    from workbench.inference.client import ChatClient
    from workbench.runs.folder import RunFolder

    Engine = Literal["loading", "ready", "answering", "down"]

MAX_TOKENS = 256


class ChatScreen(WorkbenchScreen):
    """Base on the left, tuned on the right, one prompt below; both answers stream together."""

    ABOUT = (
        "The same prompt goes to the untouched base model and to the tuned one. Each side "
        "remembers its own answers. Decoding is greedy, so that what differs is what was learned "
        "or forgotten."
    )
    CSS_PATH = "chat.tcss"
    AUTO_FOCUS = "#prompt"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - as Screen declares it
        (0, "-stacked"),
        (90, "-beside"),
    ]
    BINDINGS: ClassVar = [
        command("escape", "stop_or_leave", "Stop/back", "Stop the answers; when idle, go back."),
        command("ctrl+t", "probes", "Probes", "Ask one of the probe prompts."),
        command("ctrl+r", "regenerate", "Again", "Ask the last prompt once more."),
        command("ctrl+l", "clear", "Clear", "Forget the conversation on both sides."),
        command("f8", "system", "System", "Write a system prompt for both sides.", footer=False),
        command("f5", "restart", "Restart", "Start the engine again; the chat is kept."),
    ]

    engine: var[Engine] = var("loading")
    """What the engine is doing."""

    def __init__(
        self, run: RunFolder, client: ChatClient | None = None, *, question: str = ""
    ) -> None:
        """Chat with ``run``; a client of its own is started unless one is given.

        ``question`` stands in the prompt, ready to be sent.
        """
        super().__init__()
        self._question = question
        self._run = run
        self._client = client or EngineClient(run)
        self._titles = lane_titles(run.recipe())
        self._dialogue = Dialogue(LANES)
        self._pack = shipped_pack()
        self._waiting: str | None = None

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield TopBar()
        yield EngineFacts(self._run.id)
        with Container(id="lanes"):
            for lane in LANES:
                yield LanePane(lane, self._titles[lane])
        yield ProbeList(self._pack)
        yield Trouble()
        system = Input(id="system", placeholder="How both models shall behave; empty for none")
        system.border_title = "system prompt"
        yield system
        yield PromptBox()
        yield Footer()

    def on_mount(self) -> None:
        """Start the engine; typing is possible while it loads."""
        self._show_empty()
        self._prompt.text = self._question
        self.action_restart()

    async def on_unmount(self) -> None:
        """End the engine with the screen."""
        await self._client.close()

    @property
    def _panes(self) -> dict[str, LanePane]:
        return {pane.lane: pane for pane in self.query(LanePane)}

    @property
    def _prompt(self) -> PromptBox:
        return self.query_one(PromptBox)

    def watch_engine(self) -> None:
        """Grey the keys that do nothing now."""
        self.refresh_bindings()
        self.set_class(self.engine == "down", "-trouble")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say which keys do something now; None greys them."""
        del parameters
        match action:
            case "restart":
                return True if self.engine == "down" else None
            case "regenerate":
                return True if self.engine == "ready" and self._dialogue.exchanges else None
            case "clear":
                return True if self.engine != "answering" and self._dialogue.exchanges else None
            case _:
                return True

    # The engine

    def action_restart(self) -> None:
        """Start the engine afresh; the conversation is kept."""
        self.engine = "loading"
        self._open()

    @work(exclusive=True, group="open")
    async def _open(self) -> None:
        facts = self.query_one(EngineFacts)
        facts.tell("starting the engine …")
        async for event in self._client.open():
            match event:
                case Progress():
                    facts.tell_progress(event)
                case Opened():
                    self._opened(event)
                case Failed() | EngineDied():
                    await self._trouble(event)

    def _opened(self, opened: Opened) -> None:
        self.query_one(EngineFacts).tell_opened(opened, max_tokens=MAX_TOKENS)
        self.engine = "ready"
        if self._waiting is not None:
            prompt, self._waiting = self._waiting, None
            self._send(prompt)

    async def _trouble(self, event: Failed | EngineDied) -> None:
        """Say what went wrong and which key mends it."""
        for lane, pane in self._panes.items():
            if self._dialogue.lacks_answer(lane):
                await pane.give_up("no answer")
        self.query_one(Trouble).show(event)
        self.query_one(EngineFacts).tell("engine down")
        self.engine = "down"

    # Asking

    @on(PromptBox.Sent)
    def _take_prompt(self, message: PromptBox.Sent) -> None:
        self._send(message.prompt)

    @on(PromptBox.Digit)
    def _take_digit(self, message: PromptBox.Digit) -> None:
        self.query_one(ProbeList).choose(message.number)

    @on(ProbeList.Chosen)
    def _take_probe(self, message: ProbeList.Chosen) -> None:
        self._prompt.text = message.prompt
        self._prompt.focus()
        self._send(message.prompt)

    def _send(self, prompt: str) -> None:
        """Ask now, or as soon as the engine is ready; while it answers the prompt stays."""
        match self.engine:
            case "ready":
                self._prompt.accept()
                self._answer(prompt)
            case "loading":
                self._waiting = prompt
                self.notify("Asked as soon as the models are loaded.")
            case "answering":
                self.notify("Still answering: Escape stops it.")
            case "down":
                self.notify("The engine is down: F5 starts it again.", severity="warning")

    @work(exclusive=True, group="answer")
    async def _answer(self, prompt: str) -> None:
        self.engine = "answering"
        self._dialogue.system = self.query_one("#system", Input).value.strip()
        conversations = self._dialogue.ask(prompt)
        self._show_empty()
        for pane in self._panes.values():
            await pane.ask(prompt)
        events = self._client.generate(conversations, max_tokens=MAX_TOKENS, sampling=Sampling())
        panes = self._panes
        async for event in events:
            match event:
                case Delta():
                    panes[event.lane].write(event.text)
                case Done():
                    self._dialogue.answer(event.lane, event.text)
                    await panes[event.lane].finish(event)
                case Finished():
                    self.engine = "ready"
                case Failed():
                    await self._refused(event, panes)
                case EngineDied():
                    await self._trouble(event)

    async def _refused(self, event: Failed, panes: Mapping[str, LanePane]) -> None:
        """The engine lives but could not answer: take the prompt back into the box."""
        prompt = self._dialogue.take_back()
        for pane in panes.values():
            await pane.give_up("no answer")
            await pane.take_back()
        self._show_empty()
        self._prompt.text = prompt
        self.notify(visible(event.text), severity="error", markup=False)
        self.engine = "ready"

    def _show_empty(self) -> None:
        empty = not self._dialogue.exchanges
        self.set_class(empty, "-empty")
        self._prompt.offers_digits = empty

    # Keys

    def action_stop_or_leave(self) -> None:
        """Stop the answers, or go back when there is nothing to stop."""
        if self.engine == "answering":
            self._client.cancel()
        else:
            self.dismiss()

    @work
    async def action_probes(self) -> None:
        """Choose a probe prompt and ask it."""
        items = [Item(probe.prompt, probe.prompt, probe.kind) for probe in self._pack.prompts]
        if prompt := await self.app.push_screen_wait(ChooseScreen(self._pack.title, items)):
            self.post_message(ProbeList.Chosen(prompt))

    @work
    async def action_regenerate(self) -> None:
        """Take the last exchange back and ask it again."""
        for pane in self._panes.values():
            await pane.take_back()
        self._answer(self._dialogue.take_back())

    async def action_clear(self) -> None:
        """Forget the conversation on both sides."""
        self._dialogue.clear()
        for pane in self._panes.values():
            await pane.clear()
        self._show_empty()

    def action_system(self) -> None:
        """Show the system prompt and go there, or hide it when it is empty."""
        system = self.query_one("#system", Input)
        leaving = system.has_focus
        self.set_class(not leaving or bool(system.value.strip()), "-system")
        (self._prompt if leaving else system).focus()

    @on(Input.Submitted, "#system")
    def _system_written(self) -> None:
        self.action_system()

    def action_scroll_lanes(self, direction: int) -> None:
        """Scroll both answers by half a page."""
        for pane in self._panes.values():
            pane.scroll_relative(y=direction * max(1, pane.size.height // 2), animate=False)
