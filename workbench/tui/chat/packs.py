"""Probe packs: questions that are worth asking, one by one or all of a pack in a row."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import on, work

from workbench.chat.prompt_sources import offered
from workbench.tui.chat.base import ChatBase
from workbench.tui.chat.messages import (
    ChatOpened,
    ConversationCleared,
    ExchangeCompleted,
    Revealed,
)
from workbench.tui.commands import command
from workbench.tui.screens.choose_probe import ChooseProbeScreen
from workbench.tui.widgets.chat.probe_list import ProbeList

if TYPE_CHECKING:
    from typing import Any

    from workbench.chat.protocol import EngineDied, Failed


class Packs(ChatBase):
    """One chooser for every pack; what waits in a row is asked as soon as the engine is free."""

    BINDINGS: ClassVar = [
        command("ctrl+t", "probes", "Probes", "Ask a probe prompt, or all of a pack in a row."),
    ]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Nothing waits."""
        super().__init__(*arguments, **options)
        self._row: list[str] = []

    @work(exit_on_error=False)
    async def action_probes(self) -> None:
        """Choose a prompt, or a whole pack."""
        packs, complaints = await asyncio.to_thread(offered, self.session.run)
        for complaint in complaints:
            self.notify(complaint, severity="warning", markup=False)
        chosen = await self.app.push_screen_wait(ChooseProbeScreen(packs))
        if chosen and len(chosen) == 1:
            self.post_message(ProbeList.Chosen(chosen[0]))
        elif chosen:
            self._row = list(chosen)
            self.notify(f"{len(chosen)} questions, each asked alone. Escape stops them.")
            self._ask_next()

    @on(ExchangeCompleted)
    @on(Revealed)
    @on(ChatOpened)
    def _ask_next(self) -> None:
        if self._row and self.can_ask():
            self.send(self._row.pop(0), alone=True)

    @on(ConversationCleared)
    def _forget_row(self) -> None:
        self._row.clear()

    def action_stop_or_leave(self) -> None:
        """Stop the answers, and ask nothing of what waits."""
        self._row.clear()
        super().action_stop_or_leave()

    async def trouble(self, event: Failed | EngineDied) -> None:
        """Ask nothing of what waits."""
        self._row.clear()
        await super().trouble(event)
