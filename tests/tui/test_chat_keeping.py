"""The chat is saved while it is held, copied to where it is wanted, and found again."""

from __future__ import annotations

import pytest
from textual.events import Key
from textual.widgets import OptionList

from tests.tui.chat_host import DIED, OPENED, Host, ScriptedClient, answers, done
from tests.tui.conftest import until
from workbench.chat.protocol import Delta, Finished
from workbench.chat.transcripts import Said, read_transcripts
from workbench.recipe.recipe import Recipe
from workbench.tui.screens.choose import ChooseScreen
from workbench.tui.screens.text import TextScreen
from workbench.tui.widgets.chat.lane import LanePane
from workbench.tui.widgets.chat.prompt import PromptBox

FIRST = answers("Plants make sugar from light.", "Please \x1b[2Jlog in.")
SECOND = answers("Second base.", "Second tuned.")
SIZE = (140, 45)


@pytest.fixture
def host_of(runs, monkeypatch):
    told = []
    monkeypatch.setattr(Host, "notify", lambda _, text, **__: told.append(text))

    def make(*scripts, **options):
        app = Host(runs.create(Recipe(name="support")), ScriptedClient(*scripts, **options))
        app.told = told
        return app

    return make


async def ask(pilot, text):
    await pilot.press(*text, "enter")
    await settled(pilot)


async def settled(pilot):
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def records(app):
    return read_transcripts(app.chat.session.run)


def choices(app):
    options = app.screen.query_one(OptionList)
    return [str(options.get_option_at_index(index).prompt) for index in range(options.option_count)]


async def choosing(app, pilot, key):
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
    await until(pilot, lambda: app.screen.query_one(OptionList).option_count)


async def test_every_exchange_is_saved_as_it_was_asked_and_answered(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await ask(pilot, "one")
        await ask(pilot, "two")
        first, second = records(app)
        assert (first.prompt, first.turn, second.prompt, second.turn) == ("one", 1, "two", 2)
        assert first.answers["base"] == Said.of(done("base", "Plants make sugar from light."))
        assert first.answers["tuned"].text == "Please \x1b[2Jlog in."
        assert first.models["tuned"] == "support"
        assert (first.proof, first.max_tokens, first.trouble) == (OPENED.proof.state, 256, "")
        assert first.strengths == {"tuned": 1.0}
        assert first.sampling.temperature == 0
        assert len(list(app.chat.session.run.chats.iterdir())) == 1


async def test_what_was_answered_before_the_engine_died_is_saved_with_the_reason(host_of):
    dies = [Delta(id=1, lane="base", text="So"), done("tuned", "whole"), DIED]
    app = host_of(dies)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await ask(pilot, "one")
        (kept,) = records(app)
        assert kept.trouble == DIED.reason
        assert {lane: said.text for lane, said in kept.answers.items()} == {"tuned": "whole"}


async def test_a_chat_that_is_left_in_mid_answer_is_saved_too(host_of):
    app = host_of([done("base", "whole"), None, Finished(id=1)])
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press(*"one", "enter")
        await until(pilot, lambda: app.chat.session.last and app.chat.session.last.answers)
    (kept,) = records(app)
    assert kept.answers["base"].text == "whole"
    assert kept.trouble


async def test_where_nothing_can_be_saved_the_chat_goes_on_and_says_so_once(host_of):
    app = host_of(FIRST, SECOND)
    app.chat.session.run.chats.write_text("in the way")
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await ask(pilot, "one")
        await ask(pilot, "two")
        assert [each.prompt for each in app.chat.session.exchanges] == ["one", "two"]
        assert app.chat.engine == "ready"
        complaints = [text for text in app.told if "not being saved" in text]
        assert len(complaints) == 1
        assert "is no folder" in complaints[0]


async def test_the_answer_of_the_pane_in_focus_is_offered_first_and_copied_harmless(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert not app.chat.active_bindings["alt+c"].enabled
        await ask(pilot, "one")
        await choosing(app, pilot, "alt+c")
        assert [line.split("  ")[0] for line in choices(app)] == [
            "the tuned answer",
            "the base answer",
            "the whole exchange",
        ]
        await pilot.press("enter")
        await settled(pilot)
        assert app.clipboard == "Please ␛[2Jlog in."
        app.chat.query_one("#lane-base", LanePane).focus()
        await pilot.pause()
        await choosing(app, pilot, "c")
        await pilot.press("enter")
        await settled(pilot)
        assert app.clipboard == "Plants make sugar from light."


async def test_a_letter_with_alt_is_a_command_where_the_terminal_sends_the_letter_too(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await ask(pilot, "one")
        app.post_message(Key("alt+c", "c"))
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        assert app.chat.query_one(PromptBox).text == ""


async def test_the_whole_exchange_is_copied_or_written_as_markdown(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await ask(pilot, "one")
        await choosing(app, pilot, "alt+c")
        await pilot.press(*"whole", "enter")
        await settled(pilot)
        assert app.clipboard.startswith(f"## {app.chat.session.run.id}\n")
        for part in ("one", "Plants make sugar", "Please ␛[2Jlog in.", "greedy"):
            assert part in app.clipboard
        await pilot.press("alt+w")
        await settled(pilot)
        (page,) = app.chat.session.run.chats.glob("*.md")
        assert page.read_text() == app.clipboard
        assert page.name in app.told[-1]


async def test_an_earlier_exchange_is_found_by_its_answer_and_its_prompt_comes_back(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await ask(pilot, "one")
        await ask(pilot, "two")
        await choosing(app, pilot, "alt+e")
        assert [line.split("  ")[0] for line in choices(app)] == ["two", "one"]
        await pilot.press(*"sugar")
        await until(pilot, lambda: len(choices(app)) == 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TextScreen))
        shown = app.screen._text.plain
        assert "Plants make sugar from light." in shown
        assert "␛[2J" in shown
        await pilot.press("escape")
        await settled(pilot)
        assert app.chat.query_one(PromptBox).text == "one"


async def test_nothing_was_asked_before(host_of):
    app = host_of()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("alt+e")
        await settled(pilot)
        assert app.screen is app.chat
        assert app.told == ["Nothing was asked of this run before."]
