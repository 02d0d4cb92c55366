"""Recipes survive YAML, and an invalid one is refused in one line."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workbench.core.errors import BadInputError, NotFoundError
from workbench.recipe import yaml_io
from workbench.recipe.data import DataSection
from workbench.recipe.evaluation import EvaluationSection
from workbench.recipe.model import ModelSection
from workbench.recipe.recipe import STRATEGIES, Recipe
from workbench.recipe.training import TrainingSection

text = st.text(min_size=1, max_size=30).filter(lambda value: value.strip() != "")
lora = st.builds(
    STRATEGIES["lora"],
    r=st.integers(1, 4096),
    lora_alpha=st.integers(1, 65536),
    lora_dropout=st.floats(0, 0.99),
    target_modules=st.sampled_from(["all-linear", "attention", "mlp"])
    | st.lists(text, min_size=1, max_size=3).map(tuple),
)
recipes = st.builds(
    Recipe,
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True),
    description=st.text(max_size=60),
    model=st.builds(ModelSection, id=text, revision=st.none() | text),
    data=st.builds(
        DataSection,
        train=text,
        heldout=st.none() | text,
        heldout_share=st.floats(0, 0.5),
        max_rows=st.none() | st.integers(1, 10**6),
    ),
    strategy=lora | st.builds(STRATEGIES["full"]),
    training=st.builds(
        TrainingSection,
        learning_rate=st.floats(1e-12, 1),
        num_train_epochs=st.floats(0.01, 1000),
        max_steps=st.none() | st.integers(1, 10**7),
        warmup_steps=st.floats(0, 1e6),
        seed=st.integers(0, 2**32 - 1),
    ),
    evaluation=st.builds(EvaluationSection, prompts=st.lists(st.text(), max_size=4).map(tuple)),
)


@settings(deadline=None, max_examples=60)
@given(recipes)
@example(Recipe(description="0E0", data=DataSection(train="1e-4")))
def test_yaml_and_back_is_the_identity(recipe: Recipe) -> None:
    assert yaml_io.load(yaml_io.dump(recipe)) == recipe


@pytest.mark.parametrize("name", sorted(yaml_io.presets()))
def test_every_preset_validates(name: str) -> None:
    assert yaml_io.load_file(name).name == name


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("training.learning_rate=5", "training.learning_rate: must be at most 1, got 5"),
        ("training.learning_rate=0", "training.learning_rate: must be more than 0, got 0"),
        ("training.learning_rate=fast", "training.learning_rate: must be a number, got 'fast'"),
        ("training.learnig_rate=1e-4", "did you mean 'training.learning_rate'?"),
        ("trainin.seed=1", "trainin: unknown field; did you mean 'training'?"),
        ("strategy.rank=8", "strategy.rank: unknown field; did you mean 'strategy.r'?"),
        ("strategy.r=0", "strategy.r: must be at least 1, got 0"),
        ("strategy.kind=lorra", "strategy: kind must be one of"),
        ("name=../up", "name: "),
        ("nonsense", "--set nonsense: write it as field=value"),
        ("name.deep=1", "--set name.deep=1"),
    ],
)
def test_a_wrong_override_is_one_clear_line(assignment: str, message: str) -> None:
    with pytest.raises(BadInputError, match=re.escape(message)) as caught:
        yaml_io.load_file("lora", [assignment])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("model.id=models/x #1", "models/x #1"),
        ("model.id='models/y'", "models/y"),
        ("model.id=#1", "#1"),
        ("model.revision=0123456", "0123456"),
        ("model.revision=12e4567", "12e4567"),
        ("model.revision=1234567", "1234567"),
        ("model.revision=null", None),
        ("strategy.prompt_tuning_init_text=yes: 1 # no comment", "yes: 1 # no comment"),
        ("retention.kl.source=007", "007"),
        ("training.max_steps=10 # ten", 10),
    ],
)
def test_a_text_is_taken_as_it_stands(assignment: str, value: object) -> None:
    kind = ["strategy.kind=prompt_tuning"] if assignment.startswith("strategy") else []
    recipe = yaml_io.validate(yaml_io.override({}, [*kind, assignment]))
    field: object = recipe
    for name in assignment.partition("=")[0].split("."):
        field = getattr(field, name)
    assert field == value


def test_overrides_are_read_as_yaml() -> None:
    recipe = yaml_io.load_file(
        "lora", ["training.learning_rate=3e-5", "strategy.target_modules=[q_proj, v_proj]"]
    )
    assert recipe.training.learning_rate == 3e-5
    assert recipe.strategy.model_dump()["target_modules"] == ("q_proj", "v_proj")


def test_a_new_kind_drops_the_fields_of_the_old_one() -> None:
    assert yaml_io.load_file("lora", ["strategy.kind=full"]).strategy.kind == "full"


def test_yaml_scientific_notation_is_a_number() -> None:
    assert yaml_io.load("training: {learning_rate: 5e-4}").training.learning_rate == 5e-4


def test_a_missing_file_names_the_presets() -> None:
    with pytest.raises(NotFoundError, match=r"nowhere\.yaml: no such recipe file.*lora"):
        yaml_io.load_file("nowhere.yaml")


def test_broken_yaml_names_its_line() -> None:
    with pytest.raises(BadInputError, match="not YAML at line 2"):
        yaml_io.load("name: x\ndata: [")


def test_many_problems_are_counted() -> None:
    unknown = {f"unheard_of_{number}": 1 for number in range(7)}
    with pytest.raises(BadInputError, match=r"^recipe: (\S+: unknown field; ){5}and 2 more$"):
        yaml_io.validate({"training": unknown})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\na: " + "[" * 200, "line 2 is nested more than 40 deep"),
        ("a: &a 1\nb: [" + "*a, " * 500 + "]", "more than 20 aliases up to line 2"),
        ("#" * (1 << 21), "it has more than 1 MB"),
        (f"name: x\nseed: {'9' * 5000}", "holds a number or a date that is none"),
        ("x" * 900 + ": 1", "unknown field"),
        ("name: " + "x" * 100_000, "name"),
    ],
    ids=["depth", "aliases", "size", "integer", "field", "name"],
)
def test_what_a_stranger_wrote_costs_neither_time_nor_a_screenful(text: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said) as caught:
        yaml_io.load(text)
    assert len(str(caught.value)) < 1000


def test_some_aliases_are_welcome() -> None:
    assert yaml_io.load("name: &n same\ndescription: *n\n").description == "same"
