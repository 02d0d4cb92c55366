"""An invalid recipe is explained in a user's words, with the field that was probably meant."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from workbench.recipe.recipe import Recipe
from workbench.recipe.training import TrainingSection
from workbench.recipe.validation_errors import Problem, bounds_in_words, problems_of, unknown_field


def problems(values: dict[str, Any]) -> list[Problem]:
    with pytest.raises(ValidationError) as caught:
        Recipe.model_validate(values)
    return problems_of(caught.value, Recipe)


def test_every_problem_is_reported_at_once() -> None:
    paths = [
        problem.path
        for problem in problems({"name": "", "training": {"seed": -1, "num_train_epochs": 0}})
    ]
    assert paths == ["name", "training.num_train_epochs", "training.seed"]


@pytest.mark.parametrize(
    ("kind", "name", "meant"),
    [
        ("lora", "alpha", "lora_alpha"),
        ("lora", "targets", "target_modules"),
        ("lora", "init", "init_lora_weights"),
        ("lora", "rank", "r"),
        ("prompt_tuning", "init", "prompt_tuning_init"),
        ("prompt_tuning", "tokens", "num_virtual_tokens"),
        ("qlora", "double_quantization", "bnb_4bit_use_double_quant"),
    ],
)
def test_the_fields_of_the_chosen_strategy_are_suggested(kind: str, name: str, meant: str) -> None:
    (problem,) = problems({"strategy": {"kind": kind, name: 1}})
    assert str(problem) == f"strategy.{name}: unknown field; did you mean 'strategy.{meant}'?"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("lr", "learning_rate"),
        ("epochs", "num_train_epochs"),
        ("optimizer", "optim"),
        ("scheduler", "lr_scheduler_type"),
        ("checkpoints_kept", "save_total_limit"),
        ("batch_size", "micro_batch_size"),
    ],
)
def test_words_initials_and_titles_are_recognised(name: str, meant: str) -> None:
    (problem,) = problems({"training": {name: 1}})
    assert problem.message == f"unknown field; did you mean 'training.{meant}'?"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("strategy.learning_rate", "unknown field; did you mean 'training.learning_rate'?"),
        ("name.deep", "unknown field"),
    ],
)
def test_a_field_of_another_section_is_suggested_by_its_name(path: str, message: str) -> None:
    assert unknown_field(path, Recipe) == message


def test_nothing_is_suggested_for_nonsense() -> None:
    assert problems({"training": {"bananas": 1}}) == [Problem("training.bananas", "unknown field")]


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("learning_rate", "more than 0, at most 1"),
        ("sequence_length", "at least 8, at most 1,048,576"),
        ("optim", ""),
    ],
)
def test_bounds_in_words(field: str, words: str) -> None:
    assert bounds_in_words(TrainingSection.model_fields[field]) == words
