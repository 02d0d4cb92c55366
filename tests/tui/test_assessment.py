"""The command in the summary starts exactly the run in the form."""

from __future__ import annotations

import shlex

import pytest

from workbench.recipe import yaml_io
from workbench.recipe.recipe import Recipe
from workbench.tui.assessment import assess, changes, command_line, load_presets, plain


@pytest.mark.parametrize(
    "values",
    [
        {"training": {"learning_rate": 1.5e-5, "max_steps": 7}},
        {"strategy": {"kind": "full"}},
        {"strategy": {"kind": "lora", "r": 64, "target_modules": ["q_proj", "v_proj"]}},
        {"evaluation": {"prompts": ['What\'s "this"?', "a, b: c"]}, "description": "it's 5: yes"},
        {"data": {"train": "no", "heldout": "preset:support_heldout"}},
        {"name": "1.5", "description": "[x] true", "model": {"trust_remote_code": True}},
    ],
)
def test_the_command_line_rebuilds_the_recipe(values: dict[str, object]) -> None:
    base = load_presets()["demo-lora"]
    recipe = Recipe.model_validate({**plain(base), **values})
    arguments = shlex.split(command_line(recipe, "demo-lora", base))
    assert arguments[:3] == ["ftwb", "train", "demo-lora"]
    overrides = [word for word in arguments[3:] if word != "--set"]
    rebuilt = yaml_io.validate(yaml_io.override(plain(base), overrides))
    assert rebuilt == recipe


def test_an_unchanged_preset_needs_no_change() -> None:
    for name, preset in load_presets().items():
        assert changes(preset, preset) == []
        assert command_line(preset, name, preset) == f"ftwb train {name}"


def test_a_recipe_is_assessed_with_its_yaml() -> None:
    base = load_presets()["lora"]
    assessment = assess(plain(base), "lora", base)
    assert assessment.recipe == base
    assert yaml_io.load(assessment.yaml) == base


def test_problems_name_their_fields() -> None:
    base = load_presets()["lora"]
    values = plain(base)
    values["training"] |= {"learning_rate": "5", "num_train_epochs": "many"}
    assessment = assess(values, "lora", base)
    assert assessment.recipe is None
    assert [str(problem) for problem in assessment.problems] == [
        "training.learning_rate: must be at most 1, got 5",
        "training.num_train_epochs: must be a number, got 'many'",
    ]
