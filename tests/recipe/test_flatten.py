"""Nested values and dotted keys."""

from __future__ import annotations

from workbench.recipe.flatten import flatten


def test_nested_keys_are_joined_with_dots() -> None:
    values = {"name": "run", "strategy": {"kind": "lora", "deep": {"r": 8}}, "prompts": ["a", "b"]}
    assert flatten(values) == {
        "name": "run",
        "strategy.kind": "lora",
        "strategy.deep.r": 8,
        "prompts": ["a", "b"],
    }


def test_an_empty_section_has_no_keys() -> None:
    assert flatten({"retention": {}, "model": {"revision": None}}) == {"model.revision": None}
