"""Every recipe field explains itself to forms, help and schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import pytest

from workbench.recipe.base import Section, choice_help
from workbench.recipe.data import DataSection
from workbench.recipe.devices import DevicesSection
from workbench.recipe.evaluation import EvaluationSection
from workbench.recipe.limits import Limits
from workbench.recipe.model import ModelSection
from workbench.recipe.recipe import PROTECTIONS, STRATEGIES, Recipe
from workbench.recipe.training import TrainingSection

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

SECTIONS = (
    ModelSection,
    DataSection,
    TrainingSection,
    DevicesSection,
    EvaluationSection,
    Limits,
)


def fields(*sections: type[Section]) -> list[Any]:
    return [
        pytest.param(info, id=f"{section.__name__}.{name}")
        for section in sections
        for name, info in section.model_fields.items()
    ]


@pytest.mark.parametrize("info", fields(*SECTIONS, *STRATEGIES.values(), *PROTECTIONS.values()))
def test_a_field_has_a_title_and_a_sentence(info: FieldInfo) -> None:
    assert info.title
    assert info.description
    assert info.description.endswith(".")


@pytest.mark.parametrize(
    "info",
    [
        *(
            field
            for field in fields(*SECTIONS)
            if get_origin(field.values[0].annotation) is Literal
        ),
        *(STRATEGIES[kind].model_fields["init_lora_weights"] for kind in ("lora", "qlora")),
    ],
)
def test_every_choice_is_explained(info: FieldInfo) -> None:
    assert list(choice_help(info)) == list(get_args(info.annotation))
    assert all(choice_help(info).values())


def test_the_schema_shows_the_meaning_of_choices() -> None:
    optim = Recipe.model_json_schema()["$defs"]["TrainingSection"]["properties"]["optim"]
    assert optim["choices"]["adamw_torch"] == "the usual choice; 8 bytes per trained parameter"
