"""One side of the split chat: a titled pane in which questions and answers follow each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from workbench.tui.widgets.answer import Answer
from workbench.untrusted import visible

if TYPE_CHECKING:
    from workbench.inference.messages import Done

_FLUSHES_PER_SECOND = 10
_NEAR = 2
"""Lines from the end within which the user still counts as following."""


class Question(Static):
    """What the user asked, the same words in every lane."""

    DEFAULT_CSS: ClassVar[str] = """
    Question {
        color: $foreground;
        background: $panel 60%;
        padding: 0 1;
        margin: 0 0 1 0;
    }
    """

    def __init__(self, prompt: str) -> None:
        """Show ``prompt`` as it was typed."""
        super().__init__(Content(visible(prompt)))


class LanePane(VerticalScroll):
    """Streams one lane; it follows the answer until the user scrolls up, and again at the end."""

    DEFAULT_CSS: ClassVar[str] = """
    LanePane {
        width: 1fr;
        height: 1fr;
        padding: 0 1;
        border: round $primary 50%;
        border-title-color: $primary;
        border-title-style: bold;
        border-subtitle-color: $text-muted;
        scrollbar-size: 1 1;
        &:focus { border: round $primary; }
        &.-tuned { border: round $accent 50%; border-title-color: $accent; }
        &.-tuned:focus { border: round $accent; }
        & > .note { color: $text-muted; padding: 0 0 1 0; }
    }
    """

    def __init__(self, lane: str, model: str) -> None:
        """Stand for ``lane``, which is answered by ``model``."""
        super().__init__(id=f"lane-{lane}", classes=f"-{lane}")
        self.lane = lane
        self.border_title = Content.assemble(lane, (f" · {visible(model)}", "not bold"))
        self._answer: Answer | None = None
        self._following = True

    def on_mount(self) -> None:
        """Prepare to show what comes in, several tokens at a time."""
        self._flusher = self.set_interval(1 / _FLUSHES_PER_SECOND, self._flush, pause=True)

    async def ask(self, prompt: str) -> None:
        """Open a new exchange; what is written from now on answers it."""
        self._answer = Answer()
        await self.mount(Question(prompt), self._answer)
        self._following = True
        self._follow()
        self.say("answering …")
        self._flusher.resume()

    def write(self, text: str) -> None:
        """Add a piece of the answer; it is shown at the next flush."""
        if self._answer is not None:
            self._answer.write(text)

    async def finish(self, done: Done) -> None:
        """Show the whole answer and how fast it came."""
        self._flusher.pause()
        if self._answer is not None:
            await self._answer.complete(done.text)
        if not done.text.strip():
            await self.mount(Static("(empty answer)", classes="note", markup=False))
        self.say(done.summary())

    async def give_up(self, why: str) -> None:
        """End an answer that will not be completed, keeping what is there of it."""
        self._flusher.pause()
        await self._flush()
        self.say(why)

    def say(self, status: str) -> None:
        """Put a status on the lower border."""
        self.border_subtitle = Content(status)

    async def take_back(self) -> None:
        """Remove the last exchange."""
        last = [*self.query(Question)][-1:]
        for question in last:
            position = self.children.index(question)
            await self.remove_children(self.children[position:])

    async def clear(self) -> None:
        """Remove everything."""
        await self.remove_children()
        self.say("")

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Let go when the user scrolls up, follow again near the end."""
        super().watch_scroll_y(old_value, new_value)
        if self.max_scroll_y - new_value <= _NEAR:
            self._following = True
        elif new_value < old_value:
            self._following = False

    def watch_virtual_size(self) -> None:
        """Keep the end in view while the text grows, if the user is there."""
        self._follow()

    async def _flush(self) -> None:
        if self._answer is not None:
            await self._answer.flush()

    def _follow(self) -> None:
        if self._following:
            self.scroll_end(animate=False)
