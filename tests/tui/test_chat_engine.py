"""The engine behind the chat: loading, stopping, dying and coming back, with nothing lost."""

from __future__ import annotations

from textual.events import Key
from textual.widgets import Static

from tests.tui.chat_host import (
    DIED,
    FIRST,
    LOADING,
    OPENED,
    REFUSED,
    SECOND,
    WIDE,
    client_of,
    done,
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


async def test_enter_sends_what_was_typed_just_before_it_however_fast(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        for key in ("w", "h", "y"):
            app.post_message(Key(key, key))
        app.post_message(Key("enter", "\r"))
        await settled(pilot)
        assert questions(app) == ["why"]
        assert app.chat.query_one(PromptBox).text == ""


async def test_typing_is_possible_while_loading_and_the_prompt_waits(host_of):
    app = host_of(FIRST, opening=[(LOADING, None, OPENED)])
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        assert "Loading the base model …  ━━━━━━──────────────────  25 %" in str(
            app.chat.query_one("#facts", Static).render()
        )
        await pilot.press(*"early", "enter")
        await pilot.pause()
        assert client_of(app).asked == []
        client_of(app).go_on.set()
        await settled(pilot)
        assert questions(app) == ["early"]
        assert app.chat.query_one(PromptBox).text == ""


async def test_a_dead_engine_is_a_message_and_f5_restarts_it_with_the_history(host_of):
    dies = [Delta(id=1, lane="base", text="So fa"), DIED]
    app = host_of(FIRST, dies, SECOND, opening=[(OPENED,), (OPENED,)])
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await type_and_send(pilot, "two")
        trouble = app.chat.query_one(EngineErrorBar)
        assert trouble.display
        assert "the chat engine was killed" in str(trouble.render())
        assert "of the ␛[31mengine" in str(trouble.render())
        assert "F5" in trouble.border_subtitle
        assert texts(app)["base"] == ["Plants make sugar from light.", "So fa"]
        assert status(app, "base") == "no answer"
        await pilot.press("f5")
        await settled(pilot)
        assert not trouble.display
        assert status(app, "base") == "no answer · ^r asks again"
        await pilot.press("ctrl+r")
        await settled(pilot)
        assert questions(app) == ["one", "two"]
        assert [turn.content for turn in client_of(app).asked[2]["base"]] == [
            "one",
            "Plants make sugar from light.",
            "two",
        ]


async def test_a_refused_prompt_comes_back_into_the_box(host_of):
    app = host_of([REFUSED], FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "long")
        assert app.chat.query_one(PromptBox).text == "long"
        assert questions(app) == []
        assert app.chat.engine == "ready"


async def test_a_prompt_that_waits_for_the_models_survives_an_engine_that_dies_loading(host_of):
    app = host_of(FIRST, opening=[(LOADING, None, DIED), (OPENED,)])
    async with app.run_test(size=WIDE) as pilot:
        await pilot.pause()
        await pilot.press(*"early", "enter")
        client_of(app).go_on.set()
        await settled(pilot)
        assert app.chat.query_one(EngineErrorBar).display
        await pilot.press("f5")
        await settled(pilot)
        assert questions(app) == ["early"]
        assert texts(app)["base"] == ["Plants make sugar from light."]
