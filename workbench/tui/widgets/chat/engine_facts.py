"""The line over a chat: what its engine does, or how it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.widgets import Static

from workbench.core.formatting import percent
from workbench.core.sanitize import visible
from workbench.tui.labels import bar

if TYPE_CHECKING:
    from workbench.chat.protocol import Progress


_BAR = 24


class EngineFacts(Static):
    """Facts in one line, the first of them brighter."""

    DEFAULT_CSS: ClassVar[str] = """
    EngineFacts {
        height: 1;
        padding: 0 2;
        color: $text-muted;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    def __init__(self) -> None:
        """Start empty."""
        super().__init__(id="facts", markup=False)

    def tell(self, first: str, *more: str) -> None:
        """Write other facts, the first of them brighter."""
        rest = "".join(f" · {visible(fact)}" for fact in more)
        self.update(Content.assemble((visible(first), "$foreground"), rest))

    def tell_progress(self, progress: Progress) -> None:
        """Write what is being loaded, and how much of it is there."""
        if not progress.total:
            self.tell(f"{progress.what} …")
            return
        share = progress.done / progress.total
        done, left = bar(share, _BAR)
        self.update(
            Content.assemble(
                (f"{visible(progress.what)} …  ", "$foreground"),
                (done, "$primary"),
                (left, "$foreground 20%"),
                f"  {percent(share)}",
            )
        )
