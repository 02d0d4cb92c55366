"""Judging by hand: marks, blind mode, packs, and questions that become probes."""

from __future__ import annotations

import pytest
from textual.widgets import Input, OptionList, Static

from tests.tui.chat_host import (
    DIED,
    FIRST,
    OPENED,
    SECOND,
    WIDE,
    answers,
    client_of,
    done,
    questions,
    settled,
    status,
    texts,
    type_and_send,
)
from tests.tui.conftest import until
from tests.tui.test_chat_sight import enabled, marked, note, shown
from workbench import locations
from workbench.inference.marks import marks_file, read_marks
from workbench.inference.messages import Delta
from workbench.probes.items import ItemResult
from workbench.probes.own import add_probe, own_suite
from workbench.probes.report import Measurement, Report, SuiteFacts
from workbench.probes.suites import load_suite
from workbench.tui.chat.judging import _heard
from workbench.tui.screens.choose_probe import ChooseProbeScreen
from workbench.tui.screens.new_probe import NewProbeScreen
from workbench.tui.widgets.prompt import PromptBox

STRAIGHT = {"base": "base", "tuned": "tuned"}
CROSSED = {"base": "tuned", "tuned": "base"}


def titles(app):
    return [str(pane.border_title) for pane in app.chat.panes.values()]


def marks(app):
    return read_marks(app.chat.session.run)


@pytest.fixture
def dealt(monkeypatch):
    """Lay the cards: what the next draws give, the first first."""

    def lay(*deals):
        coming = list(deals)
        monkeypatch.setattr("workbench.tui.chat.hiding.deal", lambda: coming.pop(0))

    return lay


@pytest.mark.parametrize(
    ("key", "verdict", "told"),
    [
        ("alt+k", "kept", "= kept"),
        ("alt+l", "lost", "▼ lost"),
        ("alt+i", "improved", "▲ improved"),
    ],
)
async def test_a_verdict_is_shown_and_stored_with_all_that_led_to_it(host_of, key, verdict, told):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert not enabled(app, key)
        await type_and_send(pilot, "why")
        await pilot.press(key)
        [mark] = marks(app)
        assert (mark.mark, mark.prompt, mark.blind) == (verdict, "why", False)
        assert mark.answers == {
            "base": "Plants make sugar from light.",
            "tuned": "Please log in to your account.",
        }
        assert mark.strengths == {"tuned": 1.0}
        assert note(app, "tuned") == told
        assert note(app, "base") == ""


async def test_another_verdict_replaces_the_first_and_the_same_one_takes_it_back(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await pilot.press("alt+k", "alt+l")
        assert [mark.mark for mark in marks(app)] == ["lost"]
        await type_and_send(pilot, "two")
        await pilot.press("alt+i")
        assert [(mark.prompt, mark.mark) for mark in marks(app)] == [
            ("one", "lost"),
            ("two", "improved"),
        ]
        await pilot.press("alt+up", "alt+l")
        assert [mark.prompt for mark in marks(app)] == ["two"]
        assert note(app, "tuned", 0) == ""
        assert note(app, "tuned", 1) == "▲ improved"


async def test_a_mark_that_cannot_be_kept_is_told_and_not_shown(host_of, monkeypatch):
    app = host_of(FIRST)
    told = []
    monkeypatch.setattr(app, "notify", lambda message, **_: told.append(message))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "why")
        marks_file(app.chat.session.run).mkdir(parents=True)
        await pilot.press("alt+l")
        assert note(app, "tuned") == ""
        assert "marks.jsonl: cannot be written" in told[-1]


@pytest.mark.parametrize(
    ("deal", "key", "verdict"),
    [
        (CROSSED, "alt+x", "improved"),
        (CROSSED, "alt+y", "lost"),
        (STRAIGHT, "alt+x", "lost"),
        (STRAIGHT, "alt+y", "improved"),
        (CROSSED, "alt+s", "kept"),
    ],
)
async def test_blind_answers_are_shuffled_until_they_are_judged(host_of, dealt, deal, key, verdict):
    app = host_of(FIRST)
    dealt(deal)
    plain = {"base": "Plants make sugar from light.", "tuned": "Please log in to your account."}
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("alt+m")
        await type_and_send(pilot, "why")
        assert texts(app) == {pane: [plain[lane]] for pane, lane in deal.items()}
        assert titles(app) == ["X", "Y"]
        assert [str(status(app, lane)) for lane in plain] == ["", ""]
        assert marks(app) == ()
        await pilot.press(key)
        await pilot.pause()
        assert texts(app) == {lane: [text] for lane, text in plain.items()}
        assert "base" in titles(app)[0]
        assert "tok/s" in str(status(app, "tuned"))
        [mark] = marks(app)
        assert (mark.mark, mark.blind, mark.answers) == (verdict, True, plain)
        assert note(app, "tuned").endswith(f"{verdict}, judged blind")


async def test_nothing_tells_who_is_hidden(host_of, dealt):
    app = host_of(FIRST)
    dealt(CROSSED)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("alt+m")
        await type_and_send(pilot, "why")
        panes = app.chat.panes.values()
        looks = [(pane.styles.border_top, pane.styles.border_title_color) for pane in panes]
        assert looks[0] == looks[1]
        rows = [strip.text for strip in app.chat._compositor.render_strips()]
        board = "".join(rows[app.chat.board.region.y : app.chat.board.region.bottom])
        for word in ("base", "tuned", "tok/s", "proven", "Δ", "strength"):
            assert word not in board
        for key in ("alt+h", "alt+k", "alt+l", "alt+i", "alt+t", "f6", "alt+c", "ctrl+n"):
            assert not enabled(app, key), key
        for key in ("alt+x", "alt+y", "alt+s", "alt+m", "alt+d"):
            assert enabled(app, key), key


async def test_the_next_question_waits_for_the_judgement(host_of, dealt):
    app = host_of(FIRST, SECOND)
    dealt(CROSSED, STRAIGHT)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("alt+m")
        await type_and_send(pilot, "one")
        await type_and_send(pilot, "two")
        assert len(client_of(app).asked) == 1
        assert app.chat.query_one(PromptBox).text == "two"
        await pilot.press("alt+s", "enter")
        await settled(pilot)
        assert titles(app) == ["X", "Y"]
        second = client_of(app).asked[1]
        assert second["tuned"][1].content == "Please log in to your account."
        assert texts(app)["tuned"] == ["Please log in to your account.", "Second tuned."]


async def test_ending_blind_mode_shows_what_was_hidden_without_a_mark(host_of, dealt):
    app = host_of(FIRST, SECOND)
    dealt(CROSSED)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("alt+m")
        assert "blind: the next answers" in str(app.chat.prompt.border_title)
        await type_and_send(pilot, "one")
        await pilot.press("alt+m")
        await pilot.pause()
        assert texts(app)["base"] == ["Plants make sugar from light."]
        assert marks(app) == ()
        assert "blind:" not in str(app.chat.prompt.border_title)
        await type_and_send(pilot, "two")
        assert "base" in titles(app)[0]


@pytest.mark.parametrize("key", ["ctrl+r", "ctrl+l"])
async def test_a_hidden_exchange_that_is_forgotten_hides_nothing_more(host_of, dealt, key):
    app = host_of(FIRST, SECOND)
    dealt(CROSSED, STRAIGHT)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("alt+m")
        await type_and_send(pilot, "one")
        await pilot.press(key)
        await settled(pilot)
        again = key == "ctrl+r"
        assert (titles(app) == ["X", "Y"]) == again
        assert texts(app)["base"] == (["Second base."] if again else [])


async def test_an_engine_that_dies_shows_whose_halves_these_are(host_of, dealt):
    halves = [Delta(id=1, lane="base", text="Half a base"), DIED]
    app = host_of(halves, opening=[(OPENED,)])
    dealt(CROSSED)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("alt+m")
        await type_and_send(pilot, "one")
        assert app.chat.engine == "down"
        assert texts(app) == {"base": ["Half a base"], "tuned": [""]}
        assert "base" in titles(app)[0]


async def test_words_can_be_compared_while_authors_are_hidden(host_of, dealt):
    app = host_of(answers("one light", "one account"))
    dealt(CROSSED)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("alt+m")
        await type_and_send(pilot, "why")
        await pilot.press("alt+d")
        assert marked(shown(app, "base")) == ["account"]
        await pilot.press("alt+s")
        await pilot.pause()
        assert marked(shown(app, "base")) == ["light"]


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
        assert not own_suite().exists()
        app.screen.query_one(Input).value = "sugar | light"
        await pilot.press("enter")
        await pilot.pause()
        [item] = load_suite(own_suite()).items
        assert (item.prompt, item.answers) == ("why", ("sugar", "light"))
        await pilot.press("alt+t")
        await pilot.pause()
        await pilot.press("enter")
        assert "your suite asks this already: own-1" in judged(app)
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
