"""The most likely option, and the share of the right ones."""

from __future__ import annotations

import math
from typing import Any

import pytest

from workbench.core.errors import BadInputError
from workbench.evaluation.suites.items import Item
from workbench.evaluation.suites.scorer import Likelihood
from workbench.evaluation.suites.scorers.options import OptionsScorer

ITEM = Item(id="k1", prompt="?", options=("Rome", "Oslo", "Bern"), answers=("Oslo",))


def test_the_most_likely_whole_option_is_chosen() -> None:
    found = OptionsScorer().choose(ITEM, [Likelihood(-4, 1), Likelihood(-3, 3), Likelihood(-9, 9)])
    assert (found.score, found.answer) == (1, "Oslo")
    found = OptionsScorer().choose(ITEM, [Likelihood(-4, 1), Likelihood(-6, 3), Likelihood(-9, 3)])
    assert (found.score, found.answer) == (0, "Rome")


def test_the_continuous_score_is_the_share_of_the_right_options() -> None:
    likelihoods = [Likelihood(math.log(share), 1) for share in (0.02, 0.06, 0.12)]
    found = OptionsScorer().choose(ITEM, likelihoods)
    assert found.score == 0
    assert found.log_score == pytest.approx(math.log(0.06 / 0.2))
    two = ITEM.model_copy(update={"answers": ("Oslo", "Bern")})
    assert OptionsScorer().choose(two, likelihoods).log_score == pytest.approx(math.log(0.9))


def test_impossible_options_still_have_a_continuous_score() -> None:
    found = OptionsScorer().choose(
        ITEM, [Likelihood(-2000, 1), Likelihood(-2001, 1), Likelihood(-2900, 1)]
    )
    assert found.log_score == pytest.approx(-1 - math.log(1 + math.exp(-1)))


def test_a_model_that_computes_nan_chooses_nothing() -> None:
    found = OptionsScorer().choose(
        ITEM, [Likelihood(-1, 1), Likelihood(math.nan, 1), Likelihood(-9, 1)]
    )
    assert (found.score, found.answer, found.label) == (0, "", "not a number")
    assert found.log_score is None


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
