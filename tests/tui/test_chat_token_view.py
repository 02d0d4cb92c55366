"""Where two answers differ: unique words, surprise, and the selected exchange."""

from __future__ import annotations

import pytest

from tests.chat.scripted_client import DIED, FIRST, OPENED, REFUSED, SECOND, answers, token_scores
from tests.tui.chat_host import (
    SMALL,
    WIDE,
    blocks,
    client_of,
    enabled,
    marked,
    note,
    settled,
    shown,
    type_and_send,
)
from tests.tui.looking import screen_lines

OF_BASE = token_scores(("Plants make", 0.1), (" sugar", 4.0), (" from light.", 0.4))
OF_TUNED = token_scores(("Please log", 1.5), (" in to your", 0.2), (" account", 9.3), (".", 3.5))


async def test_words_that_only_one_answer_has_are_marked_in_it(host_of):
    app = host_of(answers("Plants need light and rain.", "Plants need your account and rain."))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert not enabled(app, "alt+d")
        await type_and_send(pilot, "why")
        assert shown(app, "base") is None
        await pilot.press("alt+d")
        assert marked(shown(app, "base")) == ["light"]
        assert marked(shown(app, "tuned")) == ["your account"]
        assert shown(app, "tuned").plain == "Plants need your account and rain."
        await pilot.press("alt+d")
        assert shown(app, "base") is None


async def test_the_next_answers_are_shown_the_same_way(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await pilot.press("alt+d")
        await type_and_send(pilot, "two")
        assert marked(shown(app, "base")) == ["base"]
        assert shown(app, "base", 0) is not None


async def test_each_token_is_coloured_by_surprise_and_the_highest_is_quoted(host_of):
    app = host_of(FIRST)
    client_of(app).scores = [OF_BASE, OF_TUNED]
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "why")
        await pilot.press("alt+h")
        await settled(pilot)
        base, tuned = client_of(app).score_requests
        assert (base.lane, base.other) == ("base", "tuned")
        assert (tuned.lane, tuned.other) == ("tuned", "base")
        assert [turn.content for turn in base.conversation] == ["why"]
        assert base.tokens == tuple(range(21))
        assert marked(shown(app, "base")) == [" sugar"]
        assert marked(shown(app, "tuned")) == ["Please log", " account", "."]
        styles = [str(span.style) for span in shown(app, "tuned").spans]
        assert len(set(styles)) == 3
        assert "peak at 'sugar' 1.0 nats" in note(app, "base")
        assert "KL to the tuned model, nats ≥1 ≥3 ≥6" in note(app, "base")
        assert "peak at 'account' +9.3 nats" in note(app, "tuned")
        assert "surprise of the base, nats ≥1 ≥3 ≥6" in note(app, "tuned")


@pytest.mark.slow
async def test_an_exchange_is_scored_once_and_only_when_it_is_selected(host_of):
    app = host_of(FIRST, SECOND)
    client_of(app).scores = [OF_BASE, OF_TUNED, OF_BASE, OF_TUNED]
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await type_and_send(pilot, "two")
        assert client_of(app).score_requests == []
        await pilot.press("alt+h")
        await settled(pilot)
        assert len(client_of(app).score_requests) == 2
        assert shown(app, "tuned", 0) is None
        await pilot.press("alt+h", "alt+h")
        await settled(pilot)
        assert len(client_of(app).score_requests) == 2
        await pilot.press("alt+up")
        await settled(pilot)
        assert [turn.content for turn in client_of(app).score_requests[-1].conversation] == ["one"]
        assert len(client_of(app).score_requests) == 4
        assert shown(app, "tuned", 0) is not None
        assert blocks(app, 0)["base"].has_class("-selected")
        await pilot.press("alt+down")
        await settled(pilot)
        assert len(client_of(app).score_requests) == 4
        assert not blocks(app, 0)["base"].has_class("-selected")


async def test_answers_without_divergence_say_so(host_of):
    app = host_of(FIRST)
    client_of(app).scores = [token_scores(("all", 0.1)), token_scores(("the same", -3.0))]
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "why")
        await pilot.press("alt+h")
        await settled(pilot)
        for lane in ("base", "tuned"):
            assert note(app, lane).startswith("no divergence in this answer")
            assert marked(shown(app, lane)) == []


@pytest.mark.parametrize("broken", [REFUSED, DIED])
async def test_an_engine_that_cannot_score_leaves_the_answers_as_they_were(host_of, broken):
    app = host_of(FIRST, opening=[(OPENED,)])
    client_of(app).scores = [broken]
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "why")
        await pilot.press("alt+h")
        await settled(pilot)
        assert shown(app, "base") is None
        assert note(app, "base") == ""
        assert (app.chat.session.engine == "down") == (broken is DIED)


async def test_escape_sequences_stay_visible_text_in_both_views(host_of):
    evil = "\x1b]0;owned\x07 \x9b31m [bold]hi[/bold]"
    app = host_of(answers(evil, "tame"))
    client_of(app).scores = [token_scores((evil, 9.0)), token_scores(("\x1b[2J", 9.0))]
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "x")
        for key in ("alt+d", "alt+h"):
            await pilot.press(key)
            await settled(pilot)
            screen = "".join(screen_lines(app))
            assert "␛]0;owned␇ \\x9b31m [bold]hi[/bold]" in screen
            assert not {"\x1b", "\x07", "\x9b"} & set(screen)


async def test_plain_letters_work_once_an_answer_has_the_focus(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "why")
        app.chat.conversation.board.panes["tuned"].focus()
        await pilot.press("d")
        assert shown(app, "tuned") is not None
