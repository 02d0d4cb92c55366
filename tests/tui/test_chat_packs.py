"""Questions that become probes of the user's suite, and packs of questions."""

from __future__ import annotations

import pytest
from textual.widgets import Input, OptionList, Static

from tests.chat.scripted_client import FIRST, REFUSED, SECOND, done
from tests.tui.chat_host import (
    CROSSED,
    WIDE,
    annotations_of,
    client_of,
    prompts,
    questions,
    settled,
    type_and_send,
)
from tests.tui.conftest import until
from workbench.core import locations
from workbench.evaluation.report import Measurement, Report
from workbench.evaluation.suites.items import ItemResult, SuiteFacts
from workbench.evaluation.suites.suites import load_suite
from workbench.evaluation.suites.user_suite import add_probe, user_suite_path
from workbench.tui.screens.choose import ChooseScreen
from workbench.tui.screens.new_probe import NewProbeScreen, scored_part
from workbench.tui.widgets.chat.prompt import PromptBox

pytestmark = pytest.mark.slow


async def test_a_question_becomes_a_probe_of_the_users_suite(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "why")
        await pilot.press("alt+t")
        await pilot.pause()
        assert isinstance(app.screen, NewProbeScreen)
        assert app.screen.query_one(Input).value == "Plants | sugar | light"
        assert "base ✓ right   tuned ✗ wrong" in verdicts(app)
        app.screen.query_one(Input).value = "account"
        await pilot.pause()
        assert "base ✗ wrong   tuned ✓ right" in verdicts(app)
        await pilot.press("enter")
        assert "the base's own answer would be wrong" in verdicts(app)
        assert not user_suite_path().exists()
        app.screen.query_one(Input).value = "sugar | light"
        await pilot.press("enter")
        await pilot.pause()
        [item] = load_suite(user_suite_path()).items
        assert (item.prompt, item.answers) == ("why", ("sugar", "light"))
        await pilot.press("alt+t")
        await pilot.pause()
        await pilot.press("enter")
        assert "your suite already has this question: own-1" in verdicts(app)
        await pilot.press("escape")
        assert app.screen is app.chat


def test_only_the_part_of_a_long_answer_that_the_suite_would_score_counts():
    def scored(tokens):
        answer = done("base", "abcdefgh" * 4)
        return scored_part(answer.model_copy(update={"token_ids": tuple(range(tokens))}))

    assert scored(256) == scored(1) == "abcdefgh" * 4
    assert scored(512) == "abcdefgh" * 2


async def test_the_dialog_warns_that_a_follow_up_is_asked_without_its_conversation(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        for number, prompt in enumerate(("one", "two")):
            await type_and_send(pilot, prompt)
            await pilot.press("alt+t")
            await pilot.pause()
            assert len(app.screen.query("#follow-up")) == number
            await pilot.press("escape")


def verdicts(app):
    return str(app.screen.query_one("#verdicts", Static).visual)


def write_pack():
    folder = locations.own_probes() / "packs"
    folder.mkdir(parents=True)
    pack = "title: My pack\nprompts: [{prompt: first of mine}, {prompt: second of mine}]\n"
    (folder / "mine.yaml").write_text(pack)
    (folder / "broken.yaml").write_text("title: nothing to ask")


def idle_after(app, exchanges):
    """Whether that many exchanges were asked and the engine is free again."""
    asked = len(client_of(app).requests)
    return asked == exchanges and app.chat.session.engine == "ready"


def offered(app):
    options = app.screen.query_one(OptionList)
    return [str(option.prompt) for option in options.options]


async def test_every_pack_is_in_one_dialog(host_of, monkeypatch):
    write_pack()
    add_probe("Where is Oslo?", ["Norway"], "In Norway.")
    app = host_of(FIRST)
    toasts = []
    monkeypatch.setattr(app, "notify", lambda message, **_: toasts.append(message))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        make_report(app.chat.session.run)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        await pilot.pause()
        titles = [line for line in offered(app) if not line.startswith(" ")]
        assert titles == [
            "Photosynthesis and friends  all 10",
            "What this run lost  all 1",
            "Your own probes  all 1",
            "My pack  all 2",
        ]
        assert "  Lost question  lost in knowledge" in offered(app)
        assert any("broken.yaml: not a pack" in message for message in toasts)
        await pilot.press(*"oslo", "enter")
        await settled(pilot)
        assert questions(app) == ["Where is Oslo?"]


async def test_a_heading_asks_its_pack_in_a_row_each_question_standalone(host_of):
    write_pack()
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press(*"draft")
        await pilot.press("ctrl+t")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        await pilot.press(*"pack", "up", "enter")
        await until(pilot, lambda: idle_after(app, 2))
        assert questions(app) == ["first of mine", "second of mine"]
        assert prompts(app)[1] == ["second of mine"]
        assert app.chat.query_one(PromptBox).text == "draft"


async def test_escape_drops_the_rest_of_the_pack(host_of):
    write_pack()
    stopped = [None, *FIRST]
    app = host_of(stopped, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        await pilot.press(*"pack", "up", "enter")
        await until(pilot, lambda: app.chat.session.engine == "answering")
        await pilot.press("escape")
        await settled(pilot)
        assert questions(app) == ["first of mine"]


async def test_a_refused_question_drops_the_rest_of_the_pack(host_of):
    write_pack()
    app = host_of([REFUSED], SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        await pilot.press(*"pack", "up", "enter")
        await until(pilot, lambda: idle_after(app, 1))
        prompt = app.chat.query_one(PromptBox)
        await until(pilot, lambda: prompt.text == "first of mine")
        await pilot.press("enter")
        await settled(pilot)
        assert questions(app) == ["first of mine"]


async def test_a_single_probe_keeps_the_draft_in_the_history(host_of):
    write_pack()
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press(*"draft", "ctrl+t")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        await pilot.press(*"second", "enter")
        await until(pilot, lambda: idle_after(app, 1))
        prompt = app.chat.query_one(PromptBox)
        assert prompt.text == ""
        await pilot.press("up", "up")
        assert prompt.text == "draft"


async def test_a_pack_waits_for_each_judgement_in_blind_mode(host_of, fixed_draws):
    write_pack()
    fixed_draws(CROSSED, CROSSED)
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("alt+m", "ctrl+t")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        await pilot.press(*"pack", "up", "enter")
        await until(pilot, lambda: idle_after(app, 1))
        assert len(client_of(app).requests) == 1
        await pilot.press("alt+y")
        await until(pilot, lambda: idle_after(app, 2))
        await pilot.press("alt+x")
        await pilot.pause()
        assert [annotation.judgement for annotation in annotations_of(app)] == ["lost", "improved"]


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
