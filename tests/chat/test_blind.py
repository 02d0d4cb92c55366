"""Blind mode: which model answers behind which letter, and what a choice says about it."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from workbench.chat.blind import BlindMode, shuffle_lanes
from workbench.chat.dialogue import Exchange

if TYPE_CHECKING:
    from workbench.chat.blind import Choice

STRAIGHT = {"base": "base", "tuned": "tuned"}
CROSSED = {"base": "tuned", "tuned": "base"}


def test_both_assignments_are_drawn_and_nothing_else() -> None:
    random = Random(1)  # noqa: S311 - a reproducible draw
    drawn = [shuffle_lanes(random) for _ in range(100)]
    assert {tuple(assignment.items()) for assignment in drawn} == {
        tuple(STRAIGHT.items()),
        tuple(CROSSED.items()),
    }
    assert 35 < drawn.count(CROSSED) < 65


def test_unseeded_draws_differ() -> None:
    assert len({shuffle_lanes()["base"] for _ in range(64)}) == 2


@pytest.mark.parametrize(
    ("choice", "assignment", "judgement"),
    [
        ("X", STRAIGHT, "lost"),
        ("Y", STRAIGHT, "improved"),
        ("X", CROSSED, "improved"),
        ("Y", CROSSED, "lost"),
        ("same", STRAIGHT, "kept"),
        ("same", CROSSED, "kept"),
    ],
)
def test_a_judgement_is_about_the_model_behind_the_letter(
    choice: Choice, assignment: dict[str, str], judgement: str
) -> None:
    assert BlindMode(assignment=assignment).judgement(choice) == judgement


def test_only_the_hidden_exchange_is_shuffled_and_only_until_it_is_revealed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workbench.chat.blind.shuffle_lanes", lambda: CROSSED)
    earlier, hidden = (Exchange("why", {"base": (), "tuned": ()}) for _ in range(2))
    blind = BlindMode()
    assert blind.letter("base") == ""
    blind.hide(hidden)
    assert blind.assignment_of(hidden) == CROSSED
    assert blind.assignment_of(earlier) == STRAIGHT
    assert [blind.letter(lane) for lane in STRAIGHT] == ["X", "Y"]
    assert blind.reveal() is hidden
    assert blind.reveal() is None
    assert blind.assignment_of(hidden) == STRAIGHT
