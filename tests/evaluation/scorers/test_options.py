"""The most likely option per token."""

from __future__ import annotations

import math
from typing import Any

import pytest

from workbench.core.errors import BadInputError
from workbench.evaluation.suites.items import Item
from workbench.evaluation.suites.scorer import Likelihood
from workbench.evaluation.suites.scorers.options import OptionsScorer

ITEM = Item(id="k1", prompt="?", options=("Rome", "Oslo", "Bern"), answers=("Oslo",))


def test_long_options_are_not_at_a_disadvantage() -> None:
    found = OptionsScorer().choose(ITEM, [Likelihood(-4, 1), Likelihood(-6, 3), Likelihood(-9, 3)])
    assert (found.score, found.answer) == (1, "Oslo")
    found = OptionsScorer().choose(ITEM, [Likelihood(-1, 1), Likelihood(-6, 3), Likelihood(-9, 3)])
    assert (found.score, found.answer) == (0, "Rome")


def test_a_model_that_computes_nan_chooses_nothing() -> None:
    found = OptionsScorer().choose(
        ITEM, [Likelihood(-1, 1), Likelihood(math.nan, 1), Likelihood(-9, 1)]
    )
    assert (found.score, found.answer, found.label) == (0, "", "not a number")


def test_chance_is_the_share_of_right_options() -> None:
    assert OptionsScorer().chance(ITEM) == pytest.approx(1 / 3)
    two = ITEM.model_copy(update={"answers": ("Oslo", "Bern")})
    assert OptionsScorer().chance(two) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"options": ("Oslo",)}, "needs at least two options"),
        ({"options": ("Oslo", " ")}, "an option is blank"),
        ({"options": ("Oslo", "Oslo")}, "two options are equal"),
        ({"answers": ()}, "no right answer"),
        ({"answers": ("oslo",)}, "the answer 'oslo' is not among the options"),
    ],
)
def test_invalid_options_are_refused(change: dict[str, Any], why: str) -> None:
    OptionsScorer().check(ITEM)
    with pytest.raises(BadInputError, match=f"item 'k1': {why}"):
        OptionsScorer().check(ITEM.model_copy(update=change))
