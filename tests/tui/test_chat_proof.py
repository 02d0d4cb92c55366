"""Whether the base pane may call itself the base, and what the lanes cost."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.widgets import Static

from tests.tui.chat_host import (
    FIRST,
    OPENED,
    SECOND,
    SMALL,
    WIDE,
    answers,
    settled,
    status,
    title,
    type_and_send,
)
from workbench.chat.protocol import LaneFacts, Proof
from workbench.tui.chat.labels import tiny
from workbench.tui.widgets.chat.lane import LanePane

REASON = "Its logits are 0.31 away from those stored before training."
REFUTED = Proof(state="refuted", distance=0.31, text=REASON)
MISSING = Proof(state="missing", distance=None, text="The run stored no logits of its base.")


def opened(proof):
    return ((OPENED.model_copy(update={"proof": proof}),),)


def pane(app, lane="base"):
    return app.chat.query_one(f"#lane-{lane}", LanePane)


def reason(app):
    return pane(app).query_one(".reason", Static)


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_a_proven_base_shows_its_proof_in_its_title(host_of, size):
    app = host_of(FIRST)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert title(app, "base").startswith("base · SmolLM2-135M-Instruct ─")
        assert title(app, "base").endswith("proven ✓ Δ 3e-7")
        assert not reason(app).display
        assert "stored before training" in str(pane(app).query_one(".intro", Static).render())


@pytest.mark.parametrize("size", [WIDE, SMALL])
@pytest.mark.parametrize(
    ("proof", "called"), [(REFUTED, "not the base ✗"), (MISSING, "NOT PROVEN")]
)
async def test_what_is_not_proven_is_not_called_base_and_says_why_all_the_time(
    host_of, size, proof, called
):
    app = host_of(FIRST, SECOND, opening=opened(proof))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        for _ in range(2):
            assert title(app, "base").startswith(f"{called} · SmolLM2")
            assert "proven ✓" not in title(app, "base")
            error = Color.parse(app.theme_variables["error"])
            assert pane(app).styles.border_title_color == error
            shown = [strip.text for strip in app.chat._compositor.render_strips()]
            assert any(proof.text in line for line in shown)
            await type_and_send(pilot, "why")
        assert "tok/s" in status(app, "base")


async def test_the_reason_stays_while_the_answer_is_scrolled(host_of):
    long = "\n\n".join(f"paragraph {number}" for number in range(60))
    app = host_of(answers(long, long), opening=opened(REFUTED))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "why")
        assert reason(app).region.y == pane(app).region.y + 1
        assert pane(app).scroll_y > 0


async def test_a_masked_pane_gives_nothing_away(host_of):
    app = host_of(FIRST, opening=opened(REFUTED))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "why")
        pane(app).mask("A")
        await pilot.pause()
        assert title(app, "base") == "A"
        assert pane(app).border_subtitle == ""
        assert not reason(app).display
        pane(app).mask(None)
        assert title(app, "base").startswith("not the base ✗")
        assert "tok/s" in pane(app).border_subtitle


async def test_lanes_that_answer_in_turns_are_named_with_what_they_cost(host_of):
    late = LaneFacts(name="tuned", decoding="in turns", extra_bytes=1 << 28, scalable=False)
    lanes = (OPENED.lanes[0], late)
    app = host_of(opening=((OPENED.model_copy(update={"lanes": lanes}),),))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        facts = str(app.chat.query_one("#facts", Static).render())
        assert facts.startswith("in turns · 0.50 GiB + 0.25 for tuned · greedy")
        assert "strength" not in title(app, "tuned")


@pytest.mark.parametrize(
    ("distance", "words"),
    [(0.0, "0"), (3e-7, "3e-7"), (2.6e-12, "3e-12"), (0.004, "4e-3"), (0.31, "0.31"), (2.0, "2")],
)
def test_distances_in_few_characters(distance, words):
    assert tiny(distance) == words
