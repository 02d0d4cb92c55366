"""The split chat, driven by keys, with a scripted engine behind it."""

from __future__ import annotations

import pytest
from textual.events import Key
from textual.widgets import Static

from tests.tui.chat_host import (
    DIED,
    FIRST,
    LOADING,
    OPENED,
    REFUSED,
    SECOND,
    SMALL,
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
from workbench.inference.messages import Delta, Finished
from workbench.tui.widgets.lane import LanePane
from workbench.tui.widgets.probe_list import ProbeList
from workbench.tui.widgets.prompt import PromptBox
from workbench.tui.widgets.trouble import Trouble


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
        facts = str(app.chat.query_one("#facts", Static).render())
        assert "one batch · 0.50 GiB + 0.02 for tuned · greedy, ≤ 256 tokens" in facts
        assert "float32 on cpu" in facts


async def test_streaming_shows_before_the_answer_is_done(host_of):
    script = [Delta(id=1, lane="base", text="Half an ans"), None, done("base", "Half an answer.")]
    app = host_of([*script, done("tuned", "x"), Finished(id=1)])
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("h", "enter")
        pane = app.chat.query_one("#lane-base", LanePane)
        await pilot.pause()
        await pane._flush()
        assert texts(app)["base"] == ["Half an ans"]
        assert app.chat.engine == "answering"
        client_of(app).go_on.set()
        await settled(pilot)
        assert texts(app)["base"] == ["Half an answer."]
        assert app.chat.engine == "ready"


async def test_each_lane_remembers_its_own_answers(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await type_and_send(pilot, "two")
        _, second = client_of(app).asked
        assert [turn.content for turn in second["base"]] == [
            "one",
            "Plants make sugar from light.",
            "two",
        ]
        assert second["tuned"][1].content == "Please log in to your account."
        assert questions(app) == ["one", "two"]


async def test_arrows_bring_back_earlier_prompts_and_the_draft(host_of):
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
        assert client_of(app).asked[0]["base"][-1].content == "a\nb"


async def test_escape_sequences_of_a_model_are_visible_text(host_of):
    evil = "\x1b]0;owned\x07 \x1b[2J \x9b31m [bold]hi[/bold] <b>raw</b> [x](http://e.com)"
    app = host_of(answers(evil, evil))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "x")
        shown = "".join(strip.text for strip in app.chat._compositor.render_strips())
        for part in ("␛]0;owned␇", "␛[2J", "\\x9b31m", "[bold]hi[/bold]", "<b>raw</b>"):
            assert part in shown
        assert "[x](http://e.com)" in shown
        assert not {"\x1b", "\x07", "\x9b"} & set(shown)


async def test_line_breaks_of_an_answer_are_kept(host_of):
    app = host_of(answers("first line\nsecond line", "x"))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "x")
        rows = [strip.text for strip in app.chat._compositor.render_strips()]
        assert not any("first line second line" in row for row in rows)
        assert any("second line" in row for row in rows)


@pytest.mark.parametrize(("key", "index"), [("1", 0), ("3", 2), ("0", 9)])
async def test_a_digit_asks_a_probe_of_the_empty_chat(host_of, key, index):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert app.chat.query_one(ProbeList).display
        await pilot.press(key)
        await settled(pilot)
        assert questions(app) == [app.chat._pack.prompts[index].prompt]
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


async def test_the_picker_asks_a_probe_at_any_time(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await pilot.press("ctrl+t", *"gravity", "enter")
        await settled(pilot)
        assert questions(app)[-1] == "Explain gravity to a child in two sentences."


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


async def test_regenerate_replaces_the_last_exchange(host_of):
    app = host_of(FIRST, SECOND)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await pilot.press("ctrl+r")
        await settled(pilot)
        assert questions(app) == ["one"]
        assert texts(app) == {"base": ["Second base."], "tuned": ["Second tuned."]}
        first, second = client_of(app).asked
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
        assert [turn.content for turn in client_of(app).asked[1]["tuned"]] == ["two"]


async def test_a_system_prompt_goes_to_both_lanes(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("f8", *"Be_brief", "enter")
        await pilot.pause()
        await type_and_send(pilot, "hi")
        for conversation in client_of(app).asked[0].values():
            assert [(turn.role, turn.content) for turn in conversation] == [
                ("system", "Be_brief"),
                ("user", "hi"),
            ]


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
        trouble = app.chat.query_one(Trouble)
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
        pane.write("more text\n\n" * 5)
        await pane._flush()
        await pilot.pause()
        assert pane.scroll_y == place


async def test_keys_that_do_nothing_are_greyed(host_of):
    app = host_of(FIRST)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)

        def enabled(key):
            return app.chat.active_bindings[key].enabled

        assert not enabled("ctrl+r")
        assert not enabled("f5")
        await type_and_send(pilot, "one")
        assert enabled("ctrl+r")
        assert enabled("ctrl+l")
