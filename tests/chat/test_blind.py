"""Which lane answers behind which letter."""

from __future__ import annotations

from random import Random

import pytest

from workbench.chat.blind import deal, verdict

STRAIGHT = {"base": "base", "tuned": "tuned"}
CROSSED = {"base": "tuned", "tuned": "base"}


def test_both_ways_of_dealing_come_up_and_nothing_else() -> None:
    random = Random(1)  # noqa: S311 - a draw that is known beforehand
    dealt = [deal(random) for _ in range(100)]
    assert {tuple(each.items()) for each in dealt} == {
        tuple(STRAIGHT.items()),
        tuple(CROSSED.items()),
    }
    assert 35 < dealt.count(CROSSED) < 65


def test_unseeded_draws_are_not_all_alike() -> None:
    assert len({deal()["base"] for _ in range(64)}) == 2


@pytest.mark.parametrize(
    ("better", "dealt", "expected"),
    [
        ("base", STRAIGHT, "lost"),
        ("tuned", STRAIGHT, "improved"),
        ("base", CROSSED, "improved"),
        ("tuned", CROSSED, "lost"),
        (None, STRAIGHT, "kept"),
        (None, CROSSED, "kept"),
    ],
)
def test_a_judgement_is_about_the_lane_behind_the_letter(
    better: str | None, dealt: dict[str, str], expected: str
) -> None:
    assert verdict(better, dealt) == expected
