"""Retention methods are switched on and off in a recipe, and invalid fields are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.core.errors import BadInputError
from workbench.recipe import yaml_io
from workbench.recipe.recipe import PROTECTIONS

if TYPE_CHECKING:
    from workbench.recipe.retention import Protections


def retention(*overrides: str) -> Protections:
    return yaml_io.validate(yaml_io.override({}, overrides)).retention


def test_the_methods_are_found_in_their_folder() -> None:
    assert set(PROTECTIONS) >= {"replay", "ewc", "l2sp", "kl", "early_stopping", "budget"}


def test_no_method_is_on_by_default() -> None:
    assert retention().active() == {}


def test_one_field_switches_a_method_on() -> None:
    active = retention("retention.replay.share=0.3").active()
    assert set(active) == {"replay"}
    assert active["replay"].model_dump()["share"] == 0.3


@pytest.mark.parametrize(("word", "kinds"), [("true", {"ewc"}), ("false", set()), ("{}", {"ewc"})])
def test_true_and_false_switch_a_method(word: str, kinds: set[str]) -> None:
    assert set(retention(f"retention.ewc={word}").active()) == kinds


def test_yaml_keeps_the_switches() -> None:
    recipe = yaml_io.validate({"retention": {"ewc": {"strength": 10}, "kl": True}})
    again = yaml_io.load(yaml_io.dump(recipe))
    assert again == recipe
    assert set(again.retention.active()) == {"ewc", "kl"}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("retention.ewc.strenght=1", "retention.ewc.strenght: unknown field; did you mean "),
        ("retention.evc.strength=1", "did you mean 'retention.ewc"),
        ("retention.replay.share=0.95", "retention.replay.share: must be at most 0.9, got 0.95"),
    ],
)
def test_an_invalid_field_is_named(override: str, message: str) -> None:
    with pytest.raises(BadInputError) as error:
        retention(override)
    assert message in str(error.value)
