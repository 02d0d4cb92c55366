"""Prompts that are sent as soon as the engine is free."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class QueuedPrompt(NamedTuple):
    """A prompt, and whether it is asked without the conversation before it."""

    text: str
    standalone: bool


@dataclass
class PromptQueue:
    """A prompt sent before the engine was ready, and the rest of a pack asked in a row.

    Attributes:
        waiting: The prompt sent while the models were loading; sending another replaces it.
        pack: The remaining questions of a pack, each asked standalone.
    """

    waiting: str | None = None
    pack: list[str] = field(default_factory=list)

    def pop(self) -> QueuedPrompt | None:
        """Remove and return the next prompt; the user's own comes before a pack."""
        if self.waiting is not None:
            text, self.waiting = self.waiting, None
            return QueuedPrompt(text, standalone=False)
        return QueuedPrompt(self.pack.pop(0), standalone=True) if self.pack else None

    def drop_pack(self) -> None:
        """Ask nothing more of the pack."""
        self.pack.clear()
