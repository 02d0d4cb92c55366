"""The line over a chat: which run, and what its engine is or does."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.widgets import Static

from workbench.tui.words import gib
from workbench.untrusted import visible

if TYPE_CHECKING:
    from workbench.inference.messages import Opened, Progress


class EngineFacts(Static):
    """The run in bold, then facts in one line."""

    DEFAULT_CSS: ClassVar[str] = """
    EngineFacts {
        height: 1;
        padding: 0 2;
        color: $text-muted;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    def __init__(self, run: str) -> None:
        """Tell of the chat with ``run``."""
        super().__init__(id="facts", markup=False)
        self._run = run

    def tell(self, *facts: str) -> None:
        """Write other facts."""
        self.update(
            Content.assemble((self._run, "bold"), *(f"  ·  {visible(fact)}" for fact in facts))
        )

    def tell_progress(self, progress: Progress) -> None:
        """Write what is being loaded, and how much of it is there."""
        share = f"  {progress.done / progress.total:.0%}" if progress.total else ""
        self.tell(f"{progress.what} …{share}")

    def tell_opened(self, opened: Opened, *, max_tokens: int) -> None:
        """Write what was loaded, and how it answers."""
        self.tell(
            f"{opened.decoding}, {gib(opened.weight_bytes)} GiB",
            f"{opened.dtype} on {opened.device}",
            f"greedy, {max_tokens} tokens at most",
        )
