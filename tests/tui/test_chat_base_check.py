"""Whether the base pane is called base, and what the lanes cost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.color import Color
from textual.widgets import Static

from tests.chat.scripted_client import FIRST, OPENED, SECOND, answers
from tests.tui.chat_host import (
    SMALL,
    WIDE,
    facts,
    pane,
    settled,
    status,
    title,
    type_and_send,
)
from tests.tui.looking import screen_lines
from workbench.chat.protocol import LaneFacts, Proof
from workbench.tui.widgets.chat.labels import format_distance

REASON = "Its logits are 0.31 away from those stored before training."
REFUTED = Proof(state="refuted", distance=0.31, text=REASON)
MISSING = Proof(state="missing", distance=None, text="The run stored no logits of its base.")


def opened(proof):
    return ((OPENED.model_copy(update={"proof": proof}),),)


def warning(app):
    return pane(app, "base").query_one(".warning", Static)


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_a_proven_base_shows_its_proof_in_its_title(host_of, size):
    app = host_of(FIRST)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert title(app, "base").startswith("base · SmolLM2-135M-Instruct ─")
        assert title(app, "base").endswith("proven ✓ Δ 3e-7")
        assert not warning(app).display
        assert "stored before training" in str(
            pane(app, "base").query_one(".introduction", Static).render()
        )


@pytest.mark.slow
@pytest.mark.parametrize("size", [WIDE, SMALL])
@pytest.mark.parametrize(
    ("proof", "called"), [(REFUTED, "not the base ✗"), (MISSING, "NOT PROVEN")]
)
async def test_a_base_that_is_not_proven_is_not_called_base_and_always_says_why(
    host_of, size, proof, called
):
    app = host_of(FIRST, SECOND, opening=opened(proof))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        for _ in range(2):
            assert title(app, "base").startswith(f"{called} · SmolLM2")
            assert "proven ✓" not in title(app, "base")
            error = Color.parse(app.theme_variables["error"])
            assert pane(app, "base").styles.border_title_color == error
            assert any(proof.text in row for row in screen_lines(app))
            await type_and_send(pilot, "why")
        assert "tok/s" in status(app, "base")


async def test_the_warning_stays_while_the_answer_is_scrolled(host_of):
    long = "\n\n".join(f"paragraph {number}" for number in range(60))
    app = host_of(answers(long, long), opening=opened(REFUTED))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "why")
        assert warning(app).region.y == pane(app, "base").region.y + 1
        assert pane(app, "base").scroll_y > 0


async def test_a_masked_pane_gives_nothing_away(host_of):
    app = host_of(FIRST, opening=opened(REFUTED))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await type_and_send(pilot, "why")
        view = pane(app, "base").view
        pane(app, "base").view = replace(view, letter="X")
        await pilot.pause()
        assert title(app, "base") == "X"
        assert status(app, "base") == ""
        assert not warning(app).display
        pane(app, "base").view = view
        assert title(app, "base").startswith("not the base ✗")
        assert "tok/s" in status(app, "base")


async def test_the_facts_name_the_cost_of_lanes_that_decode_in_turns(host_of):
    late = LaneFacts(name="tuned", decoding="in turns", extra_bytes=1 << 28, scalable=False)
    lanes = (OPENED.lanes[0], late)
    app = host_of(opening=((OPENED.model_copy(update={"lanes": lanes}),),))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert facts(app).startswith("in turns · greedy, ≤ 256 tokens · 0.50 GiB + 0.25 tuned")
        assert "strength" not in title(app, "tuned")


@pytest.mark.parametrize(
    ("distance", "words"),
    [(0.0, "0"), (3e-7, "3e-7"), (2.6e-12, "3e-12"), (0.004, "4e-3"), (0.31, "0.31"), (2.0, "2")],
)
def test_distances_in_few_characters(distance, words):
    assert format_distance(distance) == words
