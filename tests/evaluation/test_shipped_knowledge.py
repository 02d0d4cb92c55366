"""The suites of options, knowledge and reasoning, give nothing away and repeat no training data."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from workbench.core import locations
from workbench.evaluation.suites.scorers.options import OptionsScorer
from workbench.evaluation.suites.suites import load_suite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PRESETS = locations.presets()
SUITES = PRESETS / "probes" / "suites"
COUNTS = {"knowledge": (24, 204, 596), "reasoning": (12, 108, 310), "arithmetic": (10, 88, 214)}
OPTION_SUITES = ("knowledge", "reasoning")
NGRAM = 8


def read(name: str) -> list[dict[str, Any]]:
    lines = (SUITES / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def ngrams(text: str) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[at : at + NGRAM]) for at in range(len(found) - NGRAM + 1)}


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


def taught_texts() -> list[str]:
    files = sorted((PRESETS / "data").glob("*.jsonl"))
    lines = [line for path in files for line in path.read_text("utf-8").splitlines()]
    return [text for line in lines for text in strings(json.loads(line))]


def hits_by_length(items: list[dict[str, Any]], pick: Callable[[list[int]], int]) -> float:
    """Share that is right by taking the option whose length is picked; ties share the point."""
    total = 0.0
    for item in items:
        lengths = list(map(len, item["options"]))
        picked = pick(lengths)
        right = len(item["answers"][0]) == picked
        total += right / lengths.count(picked)
    return total / len(items)


@pytest.mark.parametrize("name", COUNTS)
def test_each_size_holds_the_smaller_and_has_its_number(name: str) -> None:
    suite = load_suite(SUITES / f"{name}.yaml")
    quick, standard, full = (suite.items_at(size) for size in ("quick", "standard", "full"))
    assert (len(quick), len(standard), len(full)) == COUNTS[name]
    assert set(quick) < set(standard) < set(full)
    assert [item.id for item in full] == [item["id"] for item in read(name)]


def test_no_id_and_no_prompt_stands_twice() -> None:
    items = [item for name in COUNTS for item in read(name)]
    assert len({item["id"] for item in items}) == len(items)
    assert len({" ".join(words(item["prompt"])) for item in items}) == len(items)


@pytest.mark.parametrize("name", OPTION_SUITES)
def test_one_of_four_different_options_is_right(name: str) -> None:
    suite = load_suite(SUITES / f"{name}.yaml")
    assert isinstance(suite.scorer, OptionsScorer)
    for item in suite.items:
        assert len({option.casefold() for option in item.options}) == 4, item.id
        assert len(item.answers) == 1, item.id
        assert item.answers[0] in item.options, item.id


@pytest.mark.parametrize("name", OPTION_SUITES)
def test_options_are_written_alike(name: str) -> None:
    for item in read(name):
        assert all(option == option.strip(" .") for option in item["options"]), item["id"]
        assert not any(option[0].islower() for option in item["options"]), item["id"]
        longest, shortest = max(map(len, item["options"])), min(map(len, item["options"]))
        assert longest <= 4 * shortest + 8, item["id"]


@pytest.mark.parametrize("name", OPTION_SUITES)
@pytest.mark.parametrize("size", ["quick", "standard", "full"])
def test_the_right_option_stands_everywhere_equally_often(name: str, size: str) -> None:
    asked = [item for item in read(name) if item["size"] == size]
    places = Counter(item["options"].index(item["answers"][0]) for item in asked)
    assert set(places) == set(range(4))
    assert max(places.values()) - min(places.values()) <= 1


@pytest.mark.parametrize("name", OPTION_SUITES)
@pytest.mark.parametrize("pick", [min, max])
def test_the_length_of_an_option_gives_nothing_away(
    name: str, pick: Callable[[list[int]], int]
) -> None:
    items = read(name)
    assert 0.15 <= hits_by_length(items, pick) <= 0.35
    quick = [item for item in items if item["size"] == "quick"]
    assert hits_by_length(quick, pick) <= 0.5


def test_taking_the_longest_option_is_noticed() -> None:
    item = {"options": ["a", "bb", "ccc", "dd"], "answers": ["ccc"]}
    assert hits_by_length([item], max) == 1
    assert hits_by_length([item | {"answers": ["a"]}], max) == 0
    assert hits_by_length([item | {"options": ["ccc", "ddd", "a", "b"]}], max) == 0.5


@pytest.mark.parametrize("name", OPTION_SUITES)
def test_no_answer_is_right_often(name: str) -> None:
    rights = Counter(item["answers"][0] for item in read(name))
    assert max(rights.values()) <= 2


@pytest.mark.parametrize(("name", "fields"), [("knowledge", 20), ("reasoning", 10)])
def test_easy_items_are_balanced_over_the_fields(name: str, fields: int) -> None:
    items = [item for item in read(name) if item["id"][1:].isdigit()]
    for sizes, least, most in (
        (("quick",), 1, 2),
        (("quick", "standard"), 6, 6),
        (("quick", "standard", "full"), 13, 13),
    ):
        counts = Counter(item["field"] for item in items if item["size"] in sizes)
        assert len(counts) == fields
        assert (min(counts.values()), max(counts.values())) == (least, most)


def test_no_prompt_stands_in_the_data_that_can_be_trained_on() -> None:
    texts = taught_texts()
    whole = {" ".join(words(text)) for text in texts}
    grams = {gram for text in texts for gram in ngrams(text)}
    assert len(grams) > 10_000
    for item in (item for name in COUNTS for item in read(name)):
        asked = item["prompt"]
        assert " ".join(words(asked)) not in whole, item["id"]
        for said in [asked, *(f"{asked} {option}" for option in item.get("options", ()))]:
            assert ngrams(said).isdisjoint(grams), item["id"]
