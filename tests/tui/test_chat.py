"""The split chat, driven by keys, with a scripted engine."""

from __future__ import annotations

import pytest

from tests.chat.scripted_client import FIRST, SECOND, answers, done
from tests.tui.chat_host import (
    SMALL,
    WIDE,
    client_of,
    enabled,
    facts,
    prompts,
    questions,
    settled,
    status,
    texts,
    type_and_send,
)
from tests.tui.looking import screen_lines
from workbench.chat.protocol import Delta, Finished
from workbench.tui.widgets.chat.lane import LanePane
from workbench.tui.widgets.chat.probe_list import ProbeList
from workbench.tui.widgets.chat.prompt import PromptBox


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_both_panes_receive_their_own_answer(host_of, size):
    app = host_of(FIRST)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "why")
        assert texts(app) == {
            "base": ["Plants make sugar from light."],
            "tuned": ["Please log in to your account."],
        }
        assert questions(app, "base") == questions(app, "tuned") == ["why"]
        assert status(app, "base") == "10.0 tok/s · first token 0.50 s · 21 tokens"
        regions = [pane.region for pane in app.chat.query(LanePane)]
        beside = regions[0].y == regions[1].y
        assert beside == (size == WIDE)
        assert all(region.height >= 3 for region in regions)


async def test_titles_and_facts_say_what_is_compared(host_of):
    app = host_of()
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        titles = [pane.border_title for pane in app.chat.query(LanePane)]
        assert "base" in titles[0]
        assert "SmolLM2-135M-Instruct" in titles[0]
        assert "tuned" in titles[1]
        assert "support" in titles[1]
        assert "one batch · greedy, ≤ 256 tokens · 0.50 GiB + 0.02 tuned" in facts(app)
        assert "float32 on cpu" in facts(app)


async def test_streaming_shows_before_the_answer_is_done(host_of):
    script = [Delta(id=1, lane="base", text="Half an ans"), None, done("base", "Half an answer.")]
    app = host_of([*script, done("tuned", "x"), Finished(id=1)])
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("h", "enter")
        pane = app.chat.query_one("#lane-base", LanePane)
        await pilot.pause()
        await pane.flush()
        assert texts(app)["base"] == ["Half an ans"]
        assert app.chat.session.engine == "answering"
        client_of(app).resume.set()
        await settled(pilot)
        assert texts(app)["base"] == ["Half an answer."]
        assert app.chat.session.engine == "ready"


async def test_each_lane_remembers_its_own_answers(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await type_and_send(pilot, "two")
        assert prompts(app)[1] == ["one", "Plants make sugar from light.", "two"]
        tuned = client_of(app).requests[1].conversations["tuned"]
        assert tuned[1].content == "Please log in to your account."
        assert questions(app) == ["one", "two"]


@pytest.mark.slow
async def test_arrows_recall_earlier_prompts_and_the_draft(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await type_and_send(pilot, "two")
        prompt = app.chat.query_one(PromptBox)
        await pilot.press(*"draft")
        seen = []
        for key in ("up", "up", "up", "down", "down", "down"):
            await pilot.press(key)
            seen.append(prompt.text)
        assert seen == ["two", "one", "one", "two", "draft", "draft"]


async def test_a_prompt_may_have_several_lines(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("a", "ctrl+j", "b", "up")
        assert app.chat.query_one(PromptBox).text == "a\nb"
        await pilot.press("enter")
        await settled(pilot)
        assert prompts(app) == [["a\nb"]]


async def test_escape_sequences_in_an_answer_are_shown_as_text(host_of):
    evil = "\x1b]0;owned\x07 \x1b[2J \x9b31m [bold]hi[/bold] <b>raw</b> [x](http://e.com)"
    app = host_of(answers(evil, evil))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "x")
        shown = "".join(screen_lines(app))
        for part in ("␛]0;owned␇", "␛[2J", "\\x9b31m", "[bold]hi[/bold]", "<b>raw</b>"):
            assert part in shown
        assert "[x](http://e.com)" in shown
        assert not {"\x1b", "\x07", "\x9b"} & set(shown)


async def test_line_breaks_of_an_answer_are_kept(host_of):
    app = host_of(answers("first line\nsecond line", "x"))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "x")
        assert not any("first line second line" in row for row in screen_lines(app))
        assert any("second line" in row for row in screen_lines(app))


@pytest.mark.slow
@pytest.mark.parametrize(("key", "index"), [("1", 0), ("3", 2), ("0", 9)])
async def test_a_digit_asks_a_probe_of_the_empty_chat(host_of, key, index):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert app.chat.query_one(ProbeList).display
        await pilot.press(key)
        await settled(pilot)
        assert questions(app) == [app.chat.conversation.pack.prompts[index].prompt]
        assert not app.chat.query_one(ProbeList).display
        await pilot.press("7")
        assert app.chat.query_one(PromptBox).text == "7"


async def test_a_click_asks_a_probe(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.click(ProbeList, offset=(8, 2))
        await settled(pilot)
        assert questions(app) == ["What is the capital of France?"]


async def test_the_probe_dialog_asks_a_probe_at_any_time(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await pilot.press("ctrl+t", *"gravity", "enter")
        await settled(pilot)
        assert questions(app)[-1] == "Explain gravity to a child in two sentences."


async def test_regenerate_replaces_the_last_exchange(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await pilot.press("ctrl+r")
        await settled(pilot)
        assert questions(app) == ["one"]
        assert texts(app) == {"base": ["Second base."], "tuned": ["Second tuned."]}
        first, second = client_of(app).requests
        assert first == second


async def test_clear_forgets_the_conversation(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await pilot.press("ctrl+l")
        await pilot.pause()
        assert questions(app) == []
        assert app.chat.query_one(ProbeList).display
        await type_and_send(pilot, "two")
        assert prompts(app)[1] == ["two"]


async def test_a_system_prompt_goes_to_both_lanes(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("f8", *"Be_brief", "enter")
        await pilot.pause()
        await type_and_send(pilot, "hi")
        for conversation in client_of(app).requests[0].conversations.values():
            assert [(turn.role, turn.content) for turn in conversation] == [
                ("system", "Be_brief"),
                ("user", "hi"),
            ]


async def test_the_answer_is_followed_unless_the_user_has_scrolled_up(host_of):
    long = "\n\n".join(f"paragraph {number}" for number in range(60))
    app = host_of(answers(long, long), answers(long, long))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        pane = app.chat.query_one("#lane-base", LanePane)
        await pilot.pause()
        assert pane.is_vertical_scroll_end
        await pilot.press("pageup")
        await pilot.pause()
        assert not pane.is_vertical_scroll_end
        place = pane.scroll_y
        pane.last.answer.write("more text\n\n" * 5)
        await pane.flush()
        await pilot.pause()
        assert pane.scroll_y == place


async def test_keys_that_do_not_apply_are_greyed(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert not enabled(app, "ctrl+r")
        assert not enabled(app, "f5")
        await type_and_send(pilot, "one")
        assert enabled(app, "ctrl+r")
        assert enabled(app, "ctrl+l")


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_the_prompt_shows_the_keys_that_apply_to_an_answer(host_of, size):
    app = host_of(FIRST)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        prompt = app.chat.query_one(PromptBox)
        assert "Kept" not in prompt.border_title
        await type_and_send(pilot, "one")
        row = screen_lines(app)[prompt.region.y]
        for hint in ("alt+", "d Diff", "k Kept", "l Lost", "i Improved", "c Copy"):
            assert hint in row
        prompt.notice = "answered blind"
        assert prompt.border_title == "answered blind"
        prompt.notice = ""
        assert "Kept" in prompt.border_title


async def test_edit_takes_back_the_last_prompt_and_keeps_the_draft_in_the_history(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await pilot.press(*"draft", "ctrl+o")
        await pilot.pause()
        prompt = app.chat.query_one(PromptBox)
        assert prompt.text == "one"
        assert questions(app) == []
        await pilot.press("s", "enter")
        await settled(pilot)
        assert questions(app) == ["ones"]
        assert prompts(app)[1] == ["ones"]
        await pilot.press("up", "up")
        assert prompt.text == "draft"
