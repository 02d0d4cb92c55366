"""The form is generated: every field of the recipe has a control, whatever is added to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import pytest

from workbench.recipe.base import Section, field
from workbench.recipe.limits import Limits
from workbench.recipe.recipe import PROTECTIONS, STRATEGIES, Recipe
from workbench.recipe.registry import Card
from workbench.recipe.training import TrainingSection
from workbench.tui import forms

if TYPE_CHECKING:
    from workbench.tui.forms import FormField


def _paths() -> set[str]:
    own = {"name", "description"}
    sections = {
        f"{name}.{key}"
        for name in ("model", "data", "training", "devices", "evaluation")
        for key in type(getattr(Recipe(), name)).model_fields
    }
    strategies = {
        f"strategy.{key}"
        for cls in STRATEGIES.values()
        for key in cls.model_fields
        if key != "kind"
    }
    protections = {
        f"retention.{kind}.{key}" for kind, cls in PROTECTIONS.items() for key in cls.model_fields
    }
    limits = {f"evaluation.limits.{key}" for key in Limits.model_fields}
    return (own | sections | strategies | protections | limits) - {"evaluation.limits"}


def _fields() -> dict[str, FormField]:
    groups = forms.groups_of(Recipe)
    return {field.path: field for group in groups for field in group.every_field()}


def test_every_field_of_the_recipe_is_in_the_form() -> None:
    assert set(_fields()) == _paths()


def test_every_strategy_is_an_alternative_with_its_card() -> None:
    (group,) = [group for group in forms.groups_of(Recipe) if group.parts]
    assert {kind: part.card for kind, part in group.parts.items()} == {
        kind: cls.card for kind, cls in STRATEGIES.items()
    }
    assert group.default == "lora"


def test_every_protection_is_a_switch_with_its_card() -> None:
    (group,) = [group for group in forms.groups_of(Recipe) if group.switches]
    assert {kind: part.card for kind, part in group.switches.items()} == {
        kind: cls.card for kind, cls in PROTECTIONS.items()
    }


def test_a_field_says_what_the_recipe_says() -> None:
    entry = forms.describe(
        "training.micro_batch_size", TrainingSection.model_fields["micro_batch_size"]
    )
    assert (entry.title, entry.kind, entry.unit, entry.default) == (
        "Micro batch",
        "number",
        "rows",
        8,
    )
    assert entry.bounds == "at least 1, at most 4,096"
    assert not entry.optional


def test_an_empty_control_says_what_that_means() -> None:
    fields = _fields()
    assert fields["training.max_steps"].empty == "by epochs"
    assert fields["evaluation.target_field"].empty == "none"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("training.lr_scheduler_type", "choice"),
        ("training.gradient_checkpointing", "switch"),
        ("training.max_steps", "number"),
        ("data.train", "text"),
        ("data.columns", "text"),
        ("evaluation.prompts", "lines"),
        ("strategy.target_modules", "names"),
    ],
)
def test_the_control_follows_from_the_annotation(path: str, kind: str) -> None:
    fields = _fields()
    assert fields[path].kind == kind


def test_a_new_strategy_appears_without_touching_the_form() -> None:
    from workbench.recipe.registry import Part

    class One(Part):
        card: ClassVar[Card] = Card("One", "does", "costs", "forgets")
        kind: Literal["one"] = "one"
        strength: float = field(0.5, title="Strength", help="How much.", ge=0, le=1)

    class Two(Part):
        card: ClassVar[Card] = Card("Two", "does", "costs", "forgets")
        kind: Literal["two"] = "two"

    class Small(Section):
        method: One | Two = field(Two(), title="Method", help="Which.")

    group = forms.groups_of(Small)[0]
    assert (list(group.parts), group.default) == (["one", "two"], "two")
    assert [entry.path for entry in group.parts["one"].fields] == ["method.strength"]


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("training.max_steps", "  ", None),
        ("training.learning_rate", " 5e-4 ", "5e-4"),
        ("evaluation.prompts", "One, two?\n\n Three \n", ["One, two?", "Three"]),
        ("strategy.target_modules", "attention", "attention"),
        ("strategy.target_modules", "q_proj, v_proj", ["q_proj", "v_proj"]),
        ("strategy.target_modules", r"re:layers\.\d{1,2}\.mlp", [r"re:layers\.\d{1,2}\.mlp"]),
        (
            "strategy.target_modules",
            r"re:a{2,}, q_proj,re:b{,3}",
            ["re:a{2,}", "q_proj", "re:b{,3}"],
        ),
    ],
)
def test_text_becomes_a_value(path: str, text: str, value: object) -> None:
    fields = _fields()
    assert fields[path].to_value(text) == value


@pytest.mark.parametrize(
    ("value", "text"), [(5e-4, "5e-4"), (0.00025, "2.5e-4"), (0.05, "0.05"), (3.0, "3")]
)
def test_numbers_in_the_form_read_as_on_every_screen(value: float, text: str) -> None:
    fields = _fields()
    assert fields["training.learning_rate"].to_text(value) == text


def test_texts_of_a_recipe_give_the_recipe_back() -> None:
    recipe = Recipe.model_validate(
        {
            "name": "x",
            "training": {"learning_rate": 1.5e-5, "max_steps": 7, "warmup_steps": 0.123456789},
            "strategy": {
                "kind": "lora",
                "target_modules": ["q_proj", r"re:\.\d{1,2}\.mlp", "v_proj"],
            },
            "data": {"columns": {"prompt": "Frage", "completion": "Antwort"}},
            "evaluation": {"prompts": ["A, b", "C"]},
        }
    )
    values = recipe.model_dump(mode="json")
    texts = {}
    for path, entry in _fields().items():
        value = forms.value_at(values, path, entry.default)
        if value != entry.default:
            texts[path] = entry.to_value(entry.to_text(value)) if entry.kind != "switch" else value
    assert texts["data.columns"] == "prompt=Frage, completion=Antwort"
    again = forms.nested({"strategy.kind": "lora"} | texts)
    assert Recipe.model_validate(again) == recipe


def test_a_value_is_found_by_its_path() -> None:
    values = {"data": {"columns": {"prompt": "Frage"}, "heldout": None}}
    assert forms.value_at(values, "data.columns", {}) == {"prompt": "Frage"}
    assert forms.value_at(values, "data.heldout", "x") is None
    assert forms.value_at(values, "data.heldout.deeper", "x") == "x"
    assert forms.value_at(values, "name", "x") == "x"


def test_flat_and_nested_undo_each_other() -> None:
    values = {"a": 1, "b": {"c": 2, "d": {"e": [3]}}}
    assert forms.nested(forms.flat(values)) == values
