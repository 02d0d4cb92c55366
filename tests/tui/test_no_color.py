"""With NO_COLOR set every screen is drawn, in the terminal's own colours."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.chat.scripted_client import ScriptedClient
from tests.tui.conftest import form_of, until, workbench
from tests.tui.looking import screen_text
from tests.tui.pictured_runs import hijacked_run
from workbench.tui.messages import OpenChat, OpenReport, OpenRun
from workbench.tui.screens import chat

if TYPE_CHECKING:
    from workbench.runs.folder import Runs
    from workbench.tui.app import WorkbenchApp


def _shows(app: WorkbenchApp, text: str) -> bool:
    return text in screen_text(app)


async def test_every_screen_of_a_run(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(chat, "EngineClient", lambda _run: ScriptedClient(opening=((),)))
    run = hijacked_run(runs)
    async with workbench(runs) as (app, pilot):
        await until(pilot, partial(_shows, app, "HIJACKED"))
        for message, text in (
            (OpenRun(run), "─ loss, nats per token ─"),
            (OpenReport(run), "─ Why this verdict ─"),
            (OpenChat(run), "─ tuned · support ─"),
        ):
            app.post_message(message)
            await until(pilot, partial(_shows, app, text))


@pytest.mark.slow
async def test_the_form(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with workbench(runs, form=True) as (app, pilot):
        form = await form_of(app, pilot)
        assert form.region.area
