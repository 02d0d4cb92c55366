"""Judging answers: annotations and blind mode."""

from __future__ import annotations

import pytest

from tests.chat.scripted_client import DIED, FIRST, OPENED, SECOND, answers
from tests.tui.chat_host import (
    CROSSED,
    STRAIGHT,
    WIDE,
    annotations_of,
    client_of,
    enabled,
    marked,
    note,
    settled,
    shown,
    status,
    texts,
    type_and_send,
)
from tests.tui.looking import screen_lines
from workbench.chat.annotations import annotations_file
from workbench.chat.protocol import Delta
from workbench.tui.widgets.chat.prompt import PromptBox


def titles(app):
    return [str(pane.border_title) for pane in app.chat.conversation.board.panes.values()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "judgement", "text"),
    [
        ("alt+k", "kept", "= kept"),
        ("alt+l", "lost", "▼ lost"),
        ("alt+i", "improved", "▲ improved"),
    ],
)
async def test_a_judgement_is_shown_and_stored_with_its_context(host_of, key, judgement, text):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert not enabled(app, key)
        await type_and_send(pilot, "why")
        await pilot.press(key)
        [annotation] = annotations_of(app)
        assert (annotation.judgement, annotation.prompt) == (judgement, "why")
        assert not annotation.blind
        assert annotation.answers == {
            "base": "Plants make sugar from light.",
            "tuned": "Please log in to your account.",
        }
        assert annotation.strengths == {"tuned": 1.0}
        assert note(app, "tuned") == text
        assert note(app, "base") == ""


async def test_another_judgement_replaces_the_first_and_the_same_one_withdraws_it(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await pilot.press("alt+k", "alt+l")
        assert [annotation.judgement for annotation in annotations_of(app)] == ["lost"]
        await type_and_send(pilot, "two")
        await pilot.press("alt+i")
        assert [(each.prompt, each.judgement) for each in annotations_of(app)] == [
            ("one", "lost"),
            ("two", "improved"),
        ]
        await pilot.press("alt+up", "alt+l")
        assert [annotation.prompt for annotation in annotations_of(app)] == ["two"]
        assert note(app, "tuned", 0) == ""
        assert note(app, "tuned", 1) == "▲ improved"


async def test_an_annotation_that_cannot_be_written_is_reported_and_not_shown(host_of, monkeypatch):
    app = host_of(FIRST)
    toasts = []
    monkeypatch.setattr(app, "notify", lambda message, **_: toasts.append(message))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "why")
        annotations_file(app.chat.session.run).mkdir(parents=True)
        await pilot.press("alt+l")
        assert note(app, "tuned") == ""
        assert "annotations.jsonl: cannot be written" in toasts[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("assignment", "key", "judgement"),
    [
        (CROSSED, "alt+x", "improved"),
        (CROSSED, "alt+y", "lost"),
        (STRAIGHT, "alt+x", "lost"),
        (STRAIGHT, "alt+y", "improved"),
        (CROSSED, "alt+s", "kept"),
    ],
)
async def test_blind_answers_are_shuffled_until_they_are_judged(
    host_of, fixed_draws, assignment, key, judgement
):
    app = host_of(FIRST)
    fixed_draws(assignment)
    plain = {"base": "Plants make sugar from light.", "tuned": "Please log in to your account."}
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("alt+m")
        await type_and_send(pilot, "why")
        assert texts(app) == {pane: [plain[lane]] for pane, lane in assignment.items()}
        assert titles(app) == ["X", "Y"]
        assert [str(status(app, lane)) for lane in plain] == ["", ""]
        assert annotations_of(app) == ()
        await pilot.press(key)
        await pilot.pause()
        assert texts(app) == {lane: [text] for lane, text in plain.items()}
        assert "base" in titles(app)[0]
        assert "tok/s" in str(status(app, "tuned"))
        [annotation] = annotations_of(app)
        assert (annotation.judgement, annotation.blind) == (judgement, True)
        assert annotation.answers == plain
        assert note(app, "tuned").endswith(f"{judgement}, judged blind")


async def test_nothing_gives_away_which_model_is_hidden(host_of, fixed_draws):
    app = host_of(FIRST)
    fixed_draws(CROSSED)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("alt+m")
        await type_and_send(pilot, "why")
        panes = app.chat.conversation.board.panes.values()
        looks = [(pane.styles.border_top, pane.styles.border_title_color) for pane in panes]
        assert looks[0] == looks[1]
        region = app.chat.conversation.board.region
        board = "".join(screen_lines(app)[region.y : region.bottom])
        for word in ("base", "tuned", "tok/s", "proven", "Δ", "strength"):
            assert word not in board
        for key in ("alt+h", "alt+k", "alt+l", "alt+i", "alt+t", "f6", "alt+c", "ctrl+n"):
            assert not enabled(app, key), key
        for key in ("alt+x", "alt+y", "alt+s", "alt+m", "alt+d"):
            assert enabled(app, key), key


async def test_the_next_prompt_waits_for_the_judgement(host_of, fixed_draws):
    app = host_of(FIRST, SECOND)
    fixed_draws(CROSSED, STRAIGHT)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("alt+m")
        await type_and_send(pilot, "one")
        await type_and_send(pilot, "two")
        assert len(client_of(app).requests) == 1
        assert app.chat.query_one(PromptBox).text == "two"
        await pilot.press("alt+s", "enter")
        await settled(pilot)
        assert titles(app) == ["X", "Y"]
        second = client_of(app).requests[1].conversations
        assert second["tuned"][1].content == "Please log in to your account."
        assert texts(app)["tuned"] == ["Please log in to your account.", "Second tuned."]


async def test_ending_blind_mode_reveals_the_answers_without_a_judgement(host_of, fixed_draws):
    app = host_of(FIRST, SECOND)
    fixed_draws(CROSSED)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("alt+m")
        assert "blind: the next answers" in str(app.chat.conversation.prompt.border_title)
        await type_and_send(pilot, "one")
        await pilot.press("alt+m")
        await pilot.pause()
        assert texts(app)["base"] == ["Plants make sugar from light."]
        assert annotations_of(app) == ()
        assert "blind:" not in str(app.chat.conversation.prompt.border_title)
        await type_and_send(pilot, "two")
        assert "base" in titles(app)[0]


@pytest.mark.slow
@pytest.mark.parametrize("key", ["ctrl+r", "ctrl+l"])
async def test_blind_mode_hides_nothing_after_its_exchange_is_removed(host_of, fixed_draws, key):
    app = host_of(FIRST, SECOND)
    fixed_draws(CROSSED, STRAIGHT)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("alt+m")
        await type_and_send(pilot, "one")
        await pilot.press(key)
        await settled(pilot)
        again = key == "ctrl+r"
        assert (titles(app) == ["X", "Y"]) == again
        assert texts(app)["base"] == (["Second base."] if again else [])


async def test_a_dead_engine_reveals_whose_the_incomplete_answers_are(host_of, fixed_draws):
    halves = [Delta(id=1, lane="base", text="Half a base"), DIED]
    app = host_of(halves, opening=[(OPENED,)])
    fixed_draws(CROSSED)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("alt+m")
        await type_and_send(pilot, "one")
        assert app.chat.session.engine == "down"
        assert texts(app) == {"base": ["Half a base"], "tuned": [""]}
        assert "base" in titles(app)[0]


async def test_words_can_be_compared_while_the_models_are_hidden(host_of, fixed_draws):
    app = host_of(answers("one light", "one account"))
    fixed_draws(CROSSED)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("alt+m")
        await type_and_send(pilot, "why")
        await pilot.press("alt+d")
        assert marked(shown(app, "base")) == ["account"]
        await pilot.press("alt+s")
        await pilot.pause()
        assert marked(shown(app, "base")) == ["light"]
