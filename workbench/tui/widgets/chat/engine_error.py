"""Why the chat engine is down, and the key that starts it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.widgets import Static

from workbench.chat.protocol import EngineDied
from workbench.core.sanitize import visible

if TYPE_CHECKING:
    from workbench.chat.protocol import Failed


class EngineErrorBar(Static):
    """A message with a reason, instead of a frozen screen."""

    DEFAULT_CSS: ClassVar[str] = """
    Trouble {
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
        """Start hidden: the screen shows it while its engine is down."""
        super().__init__(id="trouble", markup=False)
        self.border_title = "the engine is down"
        self.border_subtitle = "F5 starts it again, the conversation is kept"

    def show(self, event: Failed | EngineDied) -> None:
        """Tell the reason and, of a dead engine, the last lines it wrote."""
        if isinstance(event, EngineDied):
            log = f"\n{visible(event.log)}" if event.log else ""
            self.update(Content.assemble(visible(event.reason), (log, "dim")))
        else:
            self.update(Content(visible(event.text)))
