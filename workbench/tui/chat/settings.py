"""The settings of a chat: the system prompt, and how the next token is picked."""

from __future__ import annotations

from typing import ClassVar

from textual import work

from workbench.tui.chat.base import ChatBase
from workbench.tui.commands import command
from workbench.tui.screens.chat_settings import ChatSettingsScreen


class Settings(ChatBase):
    """What holds for every lane from the next prompt on."""

    BINDINGS: ClassVar = [
        command(
            "f8",
            "settings",
            "Settings",
            "System prompt, temperature, top-p, seed and length, for every lane.",
        ),
    ]

    @work
    async def action_settings(self) -> None:
        """Change them in a dialog."""
        chosen = await self.app.push_screen_wait(ChatSettingsScreen(self.session.settings))
        if chosen:
            self.session.settings = chosen
            self.reflect()
