"""Questions that become probes of the user's suite, and packs of questions to ask."""

from __future__ import annotations

from textual.widgets import Input, OptionList, Static

from tests.tui.chat_host import (
    FIRST,
    SECOND,
    WIDE,
    client_of,
    done,
    questions,
    settled,
    type_and_send,
)
from tests.tui.conftest import until
from tests.tui.test_chat_judging import CROSSED, marks
from workbench.core import locations
from workbench.evaluation.report import Measurement, Report
from workbench.evaluation.suites.items import ItemResult, SuiteFacts
from workbench.evaluation.suites.suites import load_suite
from workbench.evaluation.suites.user_suite import add_probe, user_suite_path
from workbench.tui.chat.judging import _heard
from workbench.tui.screens.choose_probe import ChooseProbeScreen
from workbench.tui.screens.new_probe import NewProbeScreen
from workbench.tui.widgets.chat.prompt import PromptBox


async def test_a_question_becomes_a_probe_of_the_users_suite(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "why")
        await pilot.press("alt+t")
        await pilot.pause()
        assert isinstance(app.screen, NewProbeScreen)
        assert app.screen.query_one(Input).value == "Plants | sugar | light"
        assert "base ✓ right   tuned ✗ wrong" in judged(app)
        app.screen.query_one(Input).value = "account"
        await pilot.pause()
        assert "base ✗ wrong   tuned ✓ right" in judged(app)
        await pilot.press("enter")
        assert "the base's own answer would be wrong" in judged(app)
        assert not user_suite_path().exists()
        app.screen.query_one(Input).value = "sugar | light"
        await pilot.press("enter")
        await pilot.pause()
        [item] = load_suite(user_suite_path()).items
        assert (item.prompt, item.answers) == ("why", ("sugar", "light"))
        await pilot.press("alt+t")
        await pilot.pause()
        await pilot.press("enter")
        assert "your suite already has this question: own-1" in judged(app)
        await pilot.press("escape")
        assert app.screen is app.chat


def test_of_a_long_answer_only_what_the_suite_would_hear_counts():
    def heard(tokens):
        given = done("base", "abcdefgh" * 4)
        return _heard(given.model_copy(update={"token_ids": tuple(range(tokens))}))

    assert heard(256) == heard(1) == "abcdefgh" * 4
    assert heard(512) == "abcdefgh" * 2


async def test_a_follow_up_is_asked_alone_as_a_probe_and_the_dialog_says_so(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        for number, prompt in enumerate(("one", "two")):
            await type_and_send(pilot, prompt)
            await pilot.press("alt+t")
            await pilot.pause()
            assert len(app.screen.query("#alone")) == number
            await pilot.press("escape")


def judged(app):
    return str(app.screen.query_one("#judged", Static).visual)


def write_pack():
    folder = locations.own_probes() / "packs"
    folder.mkdir(parents=True)
    pack = "title: My pack\nprompts: [{prompt: first of mine}, {prompt: second of mine}]\n"
    (folder / "mine.yaml").write_text(pack)
    (folder / "broken.yaml").write_text("title: nothing to ask")


def offered(app):
    options = app.screen.query_one(OptionList)
    return [str(option.prompt) for option in options.options]


async def test_every_pack_is_in_one_chooser(host_of, monkeypatch):
    write_pack()
    add_probe("Where is Oslo?", ["Norway"], "In Norway.")
    app = host_of(FIRST)
    told = []
    monkeypatch.setattr(app, "notify", lambda message, **_: told.append(message))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        make_report(app.chat.session.run)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: isinstance(app.screen, ChooseProbeScreen))
        await pilot.pause()
        titles = [line for line in offered(app) if not line.startswith(" ")]
        assert titles == [
            "Photosynthesis and friends  all 10",
            "What this run lost  all 1",
            "Your own probes  all 1",
            "My pack  all 2",
        ]
        assert "  Lost question  lost in knowledge" in offered(app)
        assert any("broken.yaml: not a pack" in message for message in told)
        await pilot.press(*"oslo", "enter")
        await settled(pilot)
        assert questions(app) == ["Where is Oslo?"]


async def test_a_heading_asks_its_pack_in_a_row_each_question_alone(host_of):
    write_pack()
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press(*"draft")
        await pilot.press("ctrl+t")
        await until(pilot, lambda: isinstance(app.screen, ChooseProbeScreen))
        await pilot.press(*"pack", "up", "enter")
        await until(pilot, lambda: len(client_of(app).asked) == 2 and app.chat.engine == "ready")
        assert questions(app) == ["first of mine", "second of mine"]
        assert [turn.content for turn in client_of(app).asked[1]["base"]] == ["second of mine"]
        assert app.chat.query_one(PromptBox).text == "draft"


async def test_escape_ends_the_row(host_of):
    write_pack()
    stopped = [None, *FIRST]
    app = host_of(stopped, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: isinstance(app.screen, ChooseProbeScreen))
        await pilot.press(*"pack", "up", "enter")
        await until(pilot, lambda: app.chat.engine == "answering")
        await pilot.press("escape")
        await settled(pilot)
        assert questions(app) == ["first of mine"]


async def test_a_row_waits_for_each_judgement_in_blind_mode(host_of, dealt):
    write_pack()
    dealt(CROSSED, CROSSED)
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("alt+m", "ctrl+t")
        await until(pilot, lambda: isinstance(app.screen, ChooseProbeScreen))
        await pilot.press(*"pack", "up", "enter")
        await until(pilot, lambda: app.chat.engine == "ready" and client_of(app).asked)
        assert len(client_of(app).asked) == 1
        await pilot.press("alt+y")
        await until(pilot, lambda: len(client_of(app).asked) == 2 and app.chat.engine == "ready")
        await pilot.press("alt+x")
        await pilot.pause()
        assert [mark.mark for mark in marks(app)] == ["lost", "improved"]


def make_report(run):
    """A report of one lost and one gained item."""

    def measured(**scores):
        return Measurement(
            items=tuple(
                ItemResult(
                    suite="knowledge",
                    id=name,
                    prompt=f"{name.capitalize()} question",
                    score=score,
                    answer="x",
                )
                for name, score in scores.items()
            )
        )

    Report(
        prompts=(),
        before=measured(lost=1, gained=0),
        after=measured(lost=0, gained=1),
        size="quick",
        suites=(SuiteFacts(name="knowledge", title="Knowledge", measures="knowledge"),),
    ).save(run.report)
