"""A model's answer, streamed as Markdown; its text is shown and never interpreted."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from markdown_it import MarkdownIt
from textual.widgets import Markdown

from workbench.core.sanitize import visible

if TYPE_CHECKING:
    from markdown_it.rules_core import StateCore


class Answer(Markdown):
    """Collects text and renders it on :meth:`flush`, so that many tokens cost one layout."""

    DEFAULT_CSS: ClassVar[str] = """
    Answer {
        padding: 0 0 1 0;
        & > MarkdownBlock { margin: 0 0 1 0; }
        & > MarkdownBlock:last-child { margin: 0; }
        & MarkdownHeader { content-align: left top; background: transparent; text-style: bold; }
    }
    """

    def __init__(self) -> None:
        super().__init__(parser_factory=plain_markdown, open_links=False)
        self._pending: list[str] = []

    def write(self, text: str) -> None:
        """Add raw model text; the next :meth:`flush` shows it."""
        self._pending.append(text)

    async def flush(self) -> None:
        """Render the text that was written since the last flush."""
        if self._pending:
            text, self._pending = "".join(self._pending), []
            await self.append(visible(text))

    async def complete(self, text: str) -> None:
        """Show the whole answer, whatever was streamed."""
        await self.flush()
        if self.source != visible(text):
            await self.update(visible(text))


def plain_markdown() -> MarkdownIt:
    """Markdown that hides nothing: HTML, links and images stay text, and line breaks are kept."""
    parser = MarkdownIt("gfm-like", {"html": False, "linkify": False})
    parser.disable(["image", "link", "autolink", "reference", "entity"])
    parser.core.ruler.push("keep_line_breaks", _keep_line_breaks)
    return parser


def _keep_line_breaks(state: StateCore) -> None:
    for token in state.tokens:
        for child in token.children or ():
            if child.type == "softbreak":
                child.type = "hardbreak"
