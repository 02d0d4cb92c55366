"""Protections are switched on and off in a recipe, and wrong fields are named."""

from __future__ import annotations

import pytest

from workbench.core.errors import BadInputError
from workbench.recipe import yaml_io
from workbench.recipe.recipe import PROTECTIONS


def retention(*overrides: str):
    return yaml_io.validate(yaml_io.override({}, overrides)).retention


def test_the_protections_are_found_in_their_folder() -> None:
    assert set(PROTECTIONS) == {"replay", "ewc", "l2sp", "kl", "early_stopping", "budget"}


def test_a_silent_recipe_protects_nothing() -> None:
    assert retention().active() == {}


def test_one_field_switches_a_protection_on() -> None:
    active = retention("retention.replay.share=0.3").active()
    assert set(active) == {"replay"}
    assert active["replay"].share == 0.3


@pytest.mark.parametrize(("word", "kinds"), [("true", {"ewc"}), ("false", set()), ("{}", {"ewc"})])
def test_a_switch_may_be_said_in_one_word(word: str, kinds: set[str]) -> None:
    assert set(retention(f"retention.ewc={word}").active()) == kinds


def test_yaml_keeps_what_is_on_and_off() -> None:
    recipe = yaml_io.validate({"retention": {"ewc": {"strength": 10}, "kl": True}})
    again = yaml_io.load(yaml_io.dump(recipe))
    assert again == recipe
    assert set(again.retention.active()) == {"ewc", "kl"}


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("retention.ewc.strenght=1", "retention.ewc.strenght: no such field; did you mean "),
        ("retention.evc.strength=1", "did you mean 'retention.ewc"),
        ("retention.replay.share=0.95", "retention.replay.share: must be at most 0.9, got 0.95"),
    ],
)
def test_what_is_wrong_is_named(override: str, says: str) -> None:
    with pytest.raises(BadInputError) as error:
        retention(override)
    assert says in str(error.value)
