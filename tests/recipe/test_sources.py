"""One dataset or several, as text or as a list, with shares that add up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.core.errors import BadInputError
from workbench.recipe import yaml_io
from workbench.recipe.sources import TrainSource, map_paths, parse_sources, write_sources

NAMES = st.text(st.characters(categories=("L", "Nd", "P", "Zs")), min_size=1)


def recipe_of(train: Any) -> str:
    return yaml_io.validate({"data": {"train": train}}).data.train


def test_a_name_is_one_dataset_and_a_list_in_text_is_several() -> None:
    assert parse_sources("a/b:train") == (TrainSource(path="a/b:train"),)
    assert parse_sources("a.jsonl, preset:general, b.jsonl:0.3") == (
        TrainSource(path="a.jsonl"),
        TrainSource(path="preset:general"),
        TrainSource(path="b.jsonl", share=0.3),
    )


def test_a_list_is_kept_as_text_that_means_the_same() -> None:
    plain = recipe_of(["a.jsonl", {"path": "b.jsonl", "share": 0.25}])
    assert plain == "a.jsonl, b.jsonl:0.25"
    full = [{"path": "o/n", "config": "en", "split": "test", "max_rows": 9}, {"path": "b"}]
    sources = yaml_io.validate({"data": {"train": full}}).data.sources
    assert sources[0].name == "o/n/en:test"
    assert sources[0].max_rows == 9
    assert sources == parse_sources(recipe_of(recipe_of(full)))


def test_overrides_take_both_ways_to_write_it() -> None:
    for written in ("a.jsonl, b.jsonl:0.3", "[{path: a.jsonl}, {path: b.jsonl, share: 0.3}]"):
        values = yaml_io.override({}, [f"data.train={written}"])
        assert recipe_of(values["data"]["train"]) == "a.jsonl, b.jsonl:0.3"


@given(st.lists(NAMES.filter(str.strip), min_size=1, max_size=4))
def test_any_names_survive_the_way_through_text(names: list[str]) -> None:
    sources = tuple(TrainSource(path=name) for name in names)
    assert parse_sources(write_sources(sources)) == sources


def test_a_name_may_begin_with_a_bracket() -> None:
    assert parse_sources("[old].jsonl") == (TrainSource(path="[old].jsonl"),)


def test_paths_can_be_changed() -> None:
    assert map_paths("a, b:0.5", str.upper) == "A, B:0.5"


@pytest.mark.parametrize(
    ("train", "problem"),
    [
        ("a:0.5, b:0.6", "the shares of all datasets add up to 1.1, not to 1"),
        ("a:0.5, b:0.5, c", "shares of 1 leave nothing for the datasets without a share"),
        ([{"path": "a", "shares": 1}], "a dataset of the list is wrong: shares"),
        ([{"split": "train"}], "a dataset of the list is wrong: path"),
        ([], "names no dataset"),
    ],
)
def test_what_cannot_be_mixed_is_refused(train: Any, problem: str) -> None:
    with pytest.raises(BadInputError) as caught:
        recipe_of(train)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
