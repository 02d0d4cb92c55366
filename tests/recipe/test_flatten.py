"""Nested values by dotted name."""

from __future__ import annotations

from workbench.recipe.flatten import flatten
from workbench.recipe.recipe import Recipe


def test_nested_fields_get_dotted_names_in_their_order() -> None:
    values = {"b": {"y": 1, "x": {"z": None}}, "a": [{"kept": "whole"}], "empty": {}}
    assert list(flatten(values).items()) == [
        ("b.y", 1),
        ("b.x.z", None),
        ("a", [{"kept": "whole"}]),
    ]


def test_every_field_of_a_recipe_is_there() -> None:
    flat = flatten(Recipe().model_dump(mode="json"))
    assert flat["training.learning_rate"] == Recipe().training.learning_rate
    assert flat["strategy.kind"] == Recipe().strategy.kind
    assert not any(isinstance(value, dict) for value in flat.values())
