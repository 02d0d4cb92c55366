"""More than two lanes, taking turns where there is little room, and scrolling together."""

from __future__ import annotations

import pytest
from textual.widgets import OptionList

from tests.chat.scripted_client import OPENED, answers, done
from tests.tui.chat_host import (
    SMALL,
    WIDE,
    client_of,
    enabled,
    facts,
    pane,
    questions,
    settled,
    status,
    texts,
    title,
    type_and_send,
)
from tests.tui.conftest import until
from workbench.chat.protocol import Failed, Finished, LaneFacts
from workbench.tui.screens.choose import ChooseScreen
from workbench.tui.widgets.chat.engine_error import EngineErrorBar
from workbench.tui.widgets.chat.lane import LanePane
from workbench.tui.widgets.chat.prompt import PromptBox

pytestmark = pytest.mark.slow

THIRD = LaneFacts(name="tuned-2", decoding="one batch", extra_bytes=1 << 26, scalable=True)
THREE = OPENED.model_copy(update={"lanes": (*OPENED.lanes, THIRD)})
OPENINGS = ((OPENED,), (THREE,), (OPENED,))
LONG = "\n\n".join(f"paragraph {number}" for number in range(80))
SHORT = "\n\n".join(f"line {number}" for number in range(60))


def replies(**said):
    lanes = [(lane.replace("_", "-"), text) for lane, text in said.items()]
    return [*(done(lane, text) for lane, text in lanes), Finished(id=1)]


FIRST = replies(base="B1", tuned="T1")
SECOND = replies(base="B2", tuned="T2", tuned_2="O2")


def shown(app):
    return [each.lane for each in app.chat.query(LanePane) if each.display]


async def choose(pilot, *keys):
    await pilot.press("ctrl+n")
    await until(pilot, lambda: isinstance(pilot.app.screen, ChooseScreen))
    await pilot.pause()
    offered = [str(option.prompt) for option in pilot.app.screen.query_one(OptionList).options]
    await pilot.press(*keys)
    await settled(pilot)
    return offered


def with_checkpoint(app, step):
    (app.chat.session.run.checkpoints / f"step-{step}").mkdir(parents=True)
    return app


async def test_a_checkpoint_is_added_and_the_conversation_kept(host_of):
    app = with_checkpoint(host_of(FIRST, SECOND, opening=OPENINGS), 40)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        offered = await choose(pilot, "enter")
        assert "step 40 of support" in offered[0]
        (source,) = client_of(app).extra_sources
        assert (source.lane, source.checkpoint) == ("tuned-2", 40)
        assert shown(app) == ["base", "tuned", "tuned-2"]
        assert title(app, "tuned-2").startswith("tuned-2 · step 40")
        assert texts(app) == {"base": ["B1"], "tuned": ["T1"], "tuned-2": []}
        await type_and_send(pilot, "two")
        conversations = client_of(app).requests[-1].conversations
        assert {lane: len(turns) for lane, turns in conversations.items()} == {
            "base": 3,
            "tuned": 3,
            "tuned-2": 1,
        }
        assert texts(app)["tuned-2"] == ["O2"]
        assert "0.06 tuned-2" in facts(app)
        assert app.chat.query_one(PromptBox).placeholder == "Ask all 3 models …"


async def test_an_added_lane_is_removed_again(host_of):
    app = host_of(FIRST, SECOND, replies(base="B3", tuned="T3"), opening=OPENINGS)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "one")
        await choose(pilot, "enter")
        await type_and_send(pilot, "two")
        offered = await choose(pilot, "enter")
        assert "tuned-2" in offered[0]
        assert shown(app) == ["base", "tuned"]
        assert client_of(app).extra_sources == ()
        await type_and_send(pilot, "three")
        assert texts(app)["base"] == ["B1", "B2", "B3"]


async def test_closing_the_dialog_changes_nothing(host_of):
    app = host_of()
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await choose(pilot, "escape")
        assert shown(app) == ["base", "tuned"]
        assert app.chat.session.engine == "ready"


async def test_a_lane_that_cannot_be_opened_can_be_removed(host_of):
    refused = Failed(id=None, text="that run is on another base")
    app = host_of(FIRST, opening=((OPENED,), (refused,), (OPENED,)))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await choose(pilot, "enter")
        assert "another base" in str(app.chat.query_one(EngineErrorBar).render())
        await choose(pilot, "enter")
        assert app.chat.session.engine == "ready"
        await type_and_send(pilot, "one")
        assert texts(app) == {"base": ["B1"], "tuned": ["T1"]}


async def test_in_a_small_terminal_the_lanes_take_turns_beside_the_base(host_of):
    app = host_of(SECOND, opening=OPENINGS)
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        assert not enabled(app, "ctrl+g")
        await choose(pilot, "enter")
        assert shown(app) == ["base", "tuned-2"]
        assert "2 of 2 ^g" in title(app, "tuned-2")
        await type_and_send(pilot, "one")
        await pilot.press("ctrl+g")
        await pilot.pause()
        assert shown(app) == ["base", "tuned"]
        assert "1 of 2 ^g" in title(app, "tuned")
        assert texts(app)["tuned"] == ["T2"]
        assert status(app, "tuned").endswith("21 tokens")
        await pilot.resize_terminal(*WIDE)
        await pilot.pause()
        assert shown(app) == ["base", "tuned", "tuned-2"]
        assert "of 2" not in title(app, "tuned")


async def test_the_keys_change_the_strength_of_the_lane_focused_last(host_of):
    app = host_of(SECOND, opening=OPENINGS)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await choose(pilot, "enter")
        pane(app, "tuned-2").focus()
        await pilot.pause()
        app.chat.conversation.prompt.focus()
        await pilot.press("f6", "f6")
        await type_and_send(pilot, "one")
        assert client_of(app).requests[-1].strengths == {"tuned": 1.0, "tuned-2": 0.8}


async def scrolled(app, pilot, size_ask=("one",)):
    for prompt in size_ask:
        await type_and_send(pilot, prompt)
    await pilot.pause()
    base, tuned = pane(app, "base"), pane(app, "tuned")
    assert base.is_vertical_scroll_end
    assert tuned.is_vertical_scroll_end
    return base, tuned


async def test_scrolling_one_answer_brings_the_other_to_the_same_place(host_of):
    app = host_of(answers("short", "short"), answers(LONG, SHORT))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        base, tuned = await scrolled(app, pilot, ("one", "two"))
        second = base.blocks[1]
        start, height = second.virtual_region.y, second.virtual_region.height
        base.scroll_to(y=start + height // 2, animate=False)
        await pilot.pause()
        theirs = tuned.blocks[1].virtual_region
        assert tuned.scroll_y == pytest.approx(theirs.y + theirs.height / 2, abs=1)
        base.scroll_to(y=start, animate=False)
        await pilot.pause()
        assert tuned.scroll_y == theirs.y
        base.scroll_to(y=0, animate=False)
        await pilot.pause()
        assert tuned.scroll_y == 0
        base.scroll_end(animate=False)
        await pilot.pause()
        assert tuned.is_vertical_scroll_end


async def test_answers_can_scroll_separately(host_of):
    app = host_of(answers(LONG, SHORT))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        base, tuned = await scrolled(app, pilot)
        await pilot.press("ctrl+s")
        assert "scrolling apart" in facts(app)
        base.scroll_to(y=0, animate=False)
        await pilot.pause()
        assert tuned.is_vertical_scroll_end
        await pilot.press("ctrl+s")
        base.scroll_to(y=3, animate=False)
        await pilot.pause()
        assert not tuned.is_vertical_scroll_end


async def test_scrolling_up_in_one_answer_stops_following_in_the_other(host_of):
    app = host_of(answers(LONG, SHORT))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        base, tuned = await scrolled(app, pilot)
        base.scroll_to(y=10, animate=False)
        await pilot.pause()
        place = tuned.scroll_y
        tuned.last.answer.write("more text\n\n" * 5)
        await tuned.flush()
        await pilot.pause()
        assert tuned.scroll_y == place
        assert questions(app) == ["one"]
