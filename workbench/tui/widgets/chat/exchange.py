"""One exchange in one lane: the question, the answer, and what is noted about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from workbench.core.sanitize import visible
from workbench.tui.widgets.chat.answer import Answer

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from workbench.chat.dialogue import Exchange
    from workbench.chat.protocol import Done


class Question(Static):
    """What the user asked, the same words in every lane."""

    DEFAULT_CSS: ClassVar[str] = """
    Question {
        color: $foreground;
        background: $panel 60%;
        padding: 0 1;
    }
    """

    def __init__(self, prompt: str) -> None:
        """Show ``prompt`` as it was typed."""
        super().__init__(Content(visible(prompt)))


class ExchangeBlock(Vertical):
    """Question and answer; the answer can stand aside for another view of the same text."""

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
    }
    """

    def __init__(self, exchange: Exchange) -> None:
        """Show the question of ``exchange`` and wait for the answer."""
        super().__init__()
        self.exchange = exchange
        self.answer = Answer()
        self._view = Static("", classes="view", markup=False)
        self._note = Static("", classes="note", markup=False)

    def compose(self) -> ComposeResult:
        """Lay out the parts."""
        yield Question(self.exchange.prompt)
        yield self.answer
        yield self._view
        yield self._note

    async def complete(self, done: Done) -> None:
        """Show the whole answer, or that there is none."""
        await self.answer.complete(done.text)
        if not done.text.strip():
            self.add_class("-empty")
            self.note(Content("(empty answer)"))

    async def swap(self, other: ExchangeBlock) -> None:
        """Trade answers with the same exchange in another lane, once it is told whose is whose."""
        await self.answer.flush()
        await other.answer.flush()
        mine, theirs = self.answer.source, other.answer.source
        for block, source in ((self, theirs), (other, mine)):
            await block.answer.update(source)
            block.set_class(not source.strip(), "-empty")

    def show(self, content: Content | None) -> None:
        """Show ``content`` instead of the answer's Markdown; None gives the Markdown back."""
        self._view.update(content or "")
        self.set_class(content is not None, "-viewed")

    def note(self, content: Content | None) -> None:
        """Write a line under the answer; None takes it away."""
        self._note.update(content or "")
        self.set_class(content is not None, "-noted")
