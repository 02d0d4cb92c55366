"""The line above a chat: what its engine is doing, or how it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.widgets import Static

from workbench.core.formatting import percent
from workbench.core.sanitize import visible
from workbench.tui.labels import bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.chat.protocol import Progress

_BAR_WIDTH = 24


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
        super().__init__(id="facts", markup=False)

    def show(self, facts: Sequence[str]) -> None:
        """Show facts, most important first."""
        first, *rest = map(visible, facts)
        more = "".join(f" · {fact}" for fact in rest)
        self.update(Content.assemble((first, "$foreground"), more))

    def show_progress(self, progress: Progress) -> None:
        """Show what is being loaded, and how much of it is done."""
        label = f"{progress.what} …"
        if not progress.total:
            self.show([label])
            return
        share = progress.done / progress.total
        done, left = bar(share, _BAR_WIDTH)
        self.update(
            Content.assemble(
                (f"{visible(label)}  ", "$foreground"),
                (done, "$primary"),
                (left, "$foreground 20%"),
                f"  {percent(share)}",
            )
        )
