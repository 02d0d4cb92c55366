"""Every exchange is saved as it is completed, can be copied, and is found again."""

from __future__ import annotations

import pytest
from textual.events import Key
from textual.widgets import OptionList

from tests.chat.scripted_client import DIED, OPENED, ScriptedClient, answers, done
from tests.tui.chat_host import Host, enabled, pane, settled
from tests.tui.conftest import until
from workbench.chat.protocol import Delta, Finished
from workbench.chat.transcripts import AnswerRecord, read_transcripts
from workbench.recipe.recipe import Recipe
from workbench.tui.screens.choose import ChooseScreen
from workbench.tui.screens.text import TextScreen
from workbench.tui.widgets.chat.prompt import PromptBox

pytestmark = pytest.mark.slow

FIRST = answers("Plants make sugar from light.", "Please \x1b[2Jlog in.")
SECOND = answers("Second base.", "Second tuned.")
SIZE = (140, 45)


class ToastHost(Host):
    """Keeps the messages of all toasts instead of showing them."""

    def __init__(self, run, client):
        super().__init__(run, client)
        self.toasts = []

    def notify(self, message, **_):
        self.toasts.append(message)


@pytest.fixture
def host_of(runs):
    def make(*scripts, **options):
        return ToastHost(runs.create(Recipe(name="support")), ScriptedClient(*scripts, **options))

    return make


async def ask(pilot, text):
    await pilot.press(*text, "enter")
    await settled(pilot)


def records(app):
    return read_transcripts(app.chat.session.run)


def choices(app):
    options = app.screen.query_one(OptionList)
    return [str(options.get_option_at_index(index).prompt) for index in range(options.option_count)]


async def choosing(app, pilot, key):
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
    await until(pilot, lambda: app.screen.query_one(OptionList).option_count)


async def test_every_exchange_is_saved_with_its_settings_and_answers(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await ask(pilot, "one")
        await ask(pilot, "two")
        first, second = records(app)
        assert (first.prompt, first.turn, second.prompt, second.turn) == ("one", 1, "two", 2)
        assert first.answers["base"] == AnswerRecord.of(
            done("base", "Plants make sugar from light.")
        )
        assert first.answers["tuned"].text == "Please \x1b[2Jlog in."
        assert first.models["tuned"] == "support"
        assert (first.proof, first.max_tokens, first.error) == (OPENED.proof.state, 256, "")
        assert first.strengths == {"tuned": 1.0}
        assert first.sampling.temperature == 0
        assert len(list(app.chat.session.run.chats.iterdir())) == 1


async def test_answers_before_the_engine_died_are_saved_with_the_reason(host_of):
    dies = [Delta(id=1, lane="base", text="So"), done("tuned", "whole"), DIED]
    app = host_of(dies)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await ask(pilot, "one")
        (record,) = records(app)
        assert record.error == DIED.reason
        assert {lane: answer.text for lane, answer in record.answers.items()} == {"tuned": "whole"}


async def test_a_chat_that_is_closed_during_an_answer_is_saved(host_of):
    app = host_of([done("base", "whole"), None, Finished(id=1)])
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press(*"one", "enter")
        await until(
            pilot, lambda: app.chat.session.exchanges and app.chat.session.exchanges[-1].answers
        )
    (record,) = records(app)
    assert record.answers["base"].text == "whole"
    assert record.error


async def test_a_chat_that_cannot_be_saved_continues_and_says_so_once(host_of):
    app = host_of(FIRST, SECOND)
    app.chat.session.run.chats.write_text("in the way")
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await ask(pilot, "one")
        await ask(pilot, "two")
        assert [each.prompt for each in app.chat.session.exchanges] == ["one", "two"]
        assert app.chat.session.engine == "ready"
        warnings = [text for text in app.toasts if "not being saved" in text]
        assert len(warnings) == 1
        assert "chats: is" in warnings[0]


async def test_the_focused_answer_is_offered_first_and_copied_without_control_characters(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert not enabled(app, "alt+c")
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
        pane(app, "base").focus()
        await pilot.pause()
        await choosing(app, pilot, "c")
        await pilot.press("enter")
        await settled(pilot)
        assert app.clipboard == "Plants make sugar from light."


async def test_a_letter_with_alt_is_a_command_even_if_the_terminal_also_sends_the_letter(host_of):
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
        assert page.name in app.toasts[-1]


async def test_an_earlier_exchange_is_found_by_its_answer_and_its_prompt_recalled(host_of):
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


async def test_a_run_without_earlier_exchanges_says_so(host_of):
    app = host_of()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("alt+e")
        await settled(pilot)
        assert app.screen is app.chat
        assert app.toasts == ["No earlier exchange with this run."]
