"""Judging by hand: marks, blind mode, packs, and questions that become probes."""

from __future__ import annotations

import pytest

from tests.tui.chat_host import (
    DIED,
    FIRST,
    OPENED,
    SECOND,
    WIDE,
    answers,
    client_of,
    settled,
    status,
    texts,
    type_and_send,
)
from tests.tui.test_chat_sight import enabled, marked, note, shown
from workbench.chat.annotations import annotations_file, read_annotations
from workbench.chat.protocol import Delta
from workbench.tui.widgets.chat.prompt import PromptBox

STRAIGHT = {"base": "base", "tuned": "tuned"}
CROSSED = {"base": "tuned", "tuned": "base"}


def titles(app):
    return [str(pane.border_title) for pane in app.chat.panes.values()]


def marks(app):
    return read_annotations(app.chat.session.run)


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
        annotations_file(app.chat.session.run).mkdir(parents=True)
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
