"""Why the chat engine is down, and the key that restarts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.widgets import Static

from workbench.chat.protocol import EngineDied
from workbench.core.sanitize import visible

if TYPE_CHECKING:
    from workbench.chat.protocol import Failed


class EngineErrorBar(Static):
    """Shown while the engine is down."""

    DEFAULT_CSS: ClassVar[str] = """
    EngineErrorBar {
        display: none;
        height: auto;
        max-height: 10;
        padding: 0 1;
        border: round $error;
        border-title-color: $error;
        border-subtitle-color: $error;
    }
    """

    def __init__(self) -> None:
        super().__init__(id="engine-error", markup=False)
        self.border_title = "The engine is down"
        self.border_subtitle = "F5 restarts it and keeps the conversation"

    def show(self, failure: Failed | EngineDied) -> None:
        """Show the reason and, for a dead engine, its last log lines."""
        if isinstance(failure, EngineDied):
            log = f"\n{visible(failure.log)}" if failure.log else ""
            self.update(Content.assemble(visible(failure.reason), (log, "dim")))
        else:
            self.update(Content(visible(failure.text)))
