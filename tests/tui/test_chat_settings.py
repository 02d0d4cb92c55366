"""The settings dialog validates its fields, and the next prompts use what it applied."""

from __future__ import annotations

import pytest
from textual.widgets import Input, Static

from tests.chat.scripted_client import FIRST, SECOND
from tests.tui.chat_host import SMALL, WIDE, client_of, facts, settled, type_and_send
from workbench.tui.screens.chat_settings import ChatSettingsScreen
from workbench.tui.widgets.form.field_row import FieldRow


async def write(pilot, **values):
    """Open the dialog and write values into its fields."""
    await pilot.press("f8")
    await pilot.pause()
    for name, value in values.items():
        pilot.app.screen.query_one(f"#field-{name} Input", Input).value = value
    await pilot.pause()


def complaints(app):
    return {row.field.name: row.error for row in app.screen.query(FieldRow) if row.error}


@pytest.mark.slow
@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_prompts_use_the_settings_and_the_facts_show_them(host_of, size):
    app = host_of(FIRST)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await write(pilot, temperature="0.7", top_p="0.9", seed="4", max_tokens="32")
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen is app.chat
        assert "temperature 0.7 top-p 0.9 seed 4, ≤ 32 tokens" in facts(app)
        await type_and_send(pilot, "one")
        sampling = client_of(app).requests[-1].sampling
        assert (sampling.temperature, sampling.top_p, sampling.seed) == (0.7, 0.9, 4)
        assert client_of(app).requests[-1].max_tokens == 32


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_invalid_fields_are_reported_and_not_applied(host_of, size):
    app = host_of()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await write(pilot, temperature="hot", top_p="4", max_tokens="0")
        assert complaints(app) == {
            "temperature": "must be a number, got 'hot'",
            "top_p": "must be at most 1, got 4",
            "max_tokens": "must be at least 1, got 0",
        }
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, ChatSettingsScreen)
        await pilot.press("escape")
        await pilot.pause()
        assert "greedy, ≤ 256 tokens" in facts(app)


async def test_the_dialog_starts_with_the_current_settings_and_can_restore_the_defaults(host_of):
    app = host_of()
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await write(pilot, system="Be brief", seed="4")
        await pilot.press("enter")
        await pilot.pause()
        assert "system prompt" in facts(app)
        await pilot.press("f8")
        await pilot.pause()
        assert app.screen.query_one("#field-seed Input", Input).value == "4"
        await pilot.press("ctrl+r", "enter")
        await pilot.pause()
        assert "system prompt" not in facts(app)


async def test_the_focused_field_is_explained(host_of):
    app = host_of()
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("f8", "tab")
        await pilot.pause()
        assert "0 is greedy" in str(app.screen.query_one("#field-help", Static).render())


async def test_an_exchange_keeps_the_settings_it_was_asked_with(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await write(pilot, seed="4")
        await pilot.press("enter")
        await pilot.pause()
        await type_and_send(pilot, "two")
        assert [exchange.settings.seed for exchange in app.chat.session.exchanges] == [0, 4]
