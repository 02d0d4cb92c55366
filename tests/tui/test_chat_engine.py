"""The engine of the chat loads, stops, dies and restarts, and nothing is lost."""

from __future__ import annotations

import pytest
from textual.events import Key

from tests.chat.scripted_client import DIED, FIRST, LOADING, OPENED, REFUSED, SECOND, done
from tests.tui.chat_host import (
    WIDE,
    client_of,
    facts,
    prompts,
    questions,
    settled,
    status,
    texts,
    type_and_send,
)
from workbench.chat.protocol import Delta, Finished
from workbench.tui.widgets.chat.engine_error import EngineErrorBar
from workbench.tui.widgets.chat.prompt import PromptBox


async def test_escape_stops_and_then_goes_back(host_of):
    app = host_of(
        [None, done("base", "a", "cancelled"), done("tuned", "", "cancelled"), Finished(id=1)]
    )
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("x", "enter")
        await pilot.pause()
        await pilot.press("escape")
        await settled(pilot)
        assert client_of(app).cancelled == 1
        assert "stopped" in status(app, "base")
        assert app.screen is app.chat
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is not app.chat
        assert client_of(app).closed == 1


async def test_enter_sends_what_was_typed_just_before_it(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        for key in ("w", "h", "y"):
            app.post_message(Key(key, key))
        app.post_message(Key("enter", "\r"))
        await settled(pilot)
        assert questions(app) == ["why"]
        assert app.chat.query_one(PromptBox).text == ""


async def test_a_prompt_sent_while_loading_waits_for_the_models(host_of):
    app = host_of(FIRST, opening=[(LOADING, None, OPENED)])
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "Loading the base model …  ━━━━━━──────────────────  25 %" in facts(app)
        await pilot.press(*"early", "enter")
        await pilot.pause()
        assert client_of(app).requests == []
        client_of(app).resume.set()
        await settled(pilot)
        assert questions(app) == ["early"]
        assert app.chat.query_one(PromptBox).text == ""


@pytest.mark.slow
async def test_a_dead_engine_is_reported_and_f5_restarts_it_with_the_conversation(host_of):
    dies = [Delta(id=1, lane="base", text="So fa"), DIED]
    app = host_of(FIRST, dies, SECOND, opening=[(OPENED,), (OPENED,)])
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await type_and_send(pilot, "two")
        error_bar = app.chat.query_one(EngineErrorBar)
        assert error_bar.display
        assert "the chat engine was killed" in str(error_bar.render())
        assert "of the ␛[31mengine" in str(error_bar.render())
        assert "F5" in error_bar.border_subtitle
        assert texts(app)["base"] == ["Plants make sugar from light.", "So fa"]
        assert status(app, "base") == "no answer"
        await pilot.press("f5")
        await settled(pilot)
        assert not error_bar.display
        assert status(app, "base") == "no answer · ^r asks again"
        await pilot.press("ctrl+r")
        await settled(pilot)
        assert questions(app) == ["one", "two"]
        assert prompts(app)[2] == ["one", "Plants make sugar from light.", "two"]


async def test_a_refused_prompt_comes_back_into_the_box(host_of):
    app = host_of([REFUSED], FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "long")
        assert app.chat.query_one(PromptBox).text == "long"
        assert questions(app) == []
        assert app.chat.session.engine == "ready"


async def test_a_waiting_prompt_survives_an_engine_that_dies_while_loading(host_of):
    app = host_of(FIRST, opening=[(LOADING, None, DIED), (OPENED,)])
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press(*"early", "enter")
        client_of(app).resume.set()
        await settled(pilot)
        assert app.chat.query_one(EngineErrorBar).display
        await pilot.press("f5")
        await settled(pilot)
        assert questions(app) == ["early"]
        assert texts(app)["base"] == ["Plants make sugar from light."]


async def test_a_prompt_that_is_changed_while_it_waits_keeps_the_change(host_of):
    app = host_of(FIRST, opening=[(LOADING, None, OPENED)])
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press(*"early", "enter", *"bird")
        client_of(app).resume.set()
        await settled(pilot)
        assert questions(app) == ["early"]
        assert app.chat.query_one(PromptBox).text == "earlybird"


async def test_a_dead_engine_is_shown_in_the_facts_until_it_is_restarted(host_of):
    app = host_of([DIED], opening=[(OPENED,), (OPENED,)])
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        assert facts(app) == "engine down"
        await pilot.press("f5")
        await settled(pilot)
        assert facts(app).startswith("one batch")
