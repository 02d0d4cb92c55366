"""One exchange in one pane: the question, the answer, and the notes below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from workbench.core.sanitize import visible
from workbench.tui.widgets.chat.answer import Answer
from workbench.tui.widgets.chat.labels import AnswerView

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.chat.dialogue import Exchange
    from workbench.chat.protocol import Done


class Question(Static):
    """The user's prompt, as it was typed."""

    DEFAULT_CSS: ClassVar[str] = """
    Question {
        color: $foreground;
        background: $panel 60%;
        padding: 0 1;
    }
    """

    def __init__(self, prompt: str) -> None:
        super().__init__(Content(visible(prompt)))


class ExchangeBlock(Vertical):
    """Question and answer; another rendering of the same text can replace the Markdown.

    Attributes:
        exchange: What is shown.
        lane: Whose answer is shown: the pane's own lane, except while that is hidden.
    """

    DEFAULT_CSS: ClassVar[str] = """
    ExchangeBlock {
        height: auto;
        padding: 0 0 1 0;
        & > Answer { margin: 1 0 0 0; padding: 0 1; }
        & > .view { display: none; margin: 1 0 0 0; padding: 0 1; }
        & > .note { display: none; color: $text-muted; padding: 0 1; }
        &.-viewed > Answer { display: none; }
        &.-viewed > .view { display: block; }
        &.-noted > .note { display: block; }
        &.-empty > Answer { display: none; }
        &:last-child { padding: 0; }
        &.-selected > Question { background: $accent 30%; text-style: bold; }
    }
    """

    view: reactive[AnswerView] = reactive(AnswerView, init=False, always_update=True)
    """How the answer is shown, and what is noted below it."""

    def __init__(self, exchange: Exchange, lane: str) -> None:
        super().__init__()
        self.exchange = exchange
        self.lane = lane
        self.answer = Answer()
        self._replacement = Static("", classes="view", markup=False)
        self._note = Static("", classes="note", markup=False)

    def compose(self) -> ComposeResult:
        yield Question(self.exchange.prompt)
        yield self.answer
        yield self._replacement
        yield self._note

    def watch_view(self, view: AnswerView) -> None:
        self._replacement.update(view.content or "")
        self._note.update(view.note or "")
        self.set_class(view.content is not None, "-viewed")
        self.set_class(view.note is not None, "-noted")

    async def complete(self, done: Done) -> None:
        """Show the whole answer, or that it is empty."""
        await self.answer.complete(done.text)
        if not done.text.strip():
            self.add_class("-empty")
            self.view = AnswerView(note=Content("(empty answer)"))

    async def swap_answers(self, other: ExchangeBlock) -> None:
        """Trade answers with the block of the same exchange in another pane."""
        await self.answer.flush()
        await other.answer.flush()
        self.lane, other.lane = other.lane, self.lane
        own, theirs = self.answer.source, other.answer.source
        for block, source in ((self, theirs), (other, own)):
            await block.answer.update(source)
            block.set_class(not source.strip(), "-empty")
