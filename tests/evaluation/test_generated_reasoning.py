"""The generated reasoning items: every answer is found again from the words of its prompt."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.evaluation.generate_common import LEVELS
from tests.evaluation.generate_reasoning import KINDS, PER_LEVEL, generate
from tests.evaluation.reasoning_solvers import SOLVERS, numbers, solve_syllogism
from workbench.core import locations
from workbench.evaluation.suites.items import Item

if TYPE_CHECKING:
    from collections.abc import Sequence

LINES = (
    (locations.presets() / "probes" / "suites" / "reasoning.jsonl").read_text("utf-8").splitlines()
)
ITEMS = {
    item.id: item
    for item in map(Item.model_validate_json, LINES)
    if item.id.startswith("reasoning-")
}


def of_kind(kind: str) -> Sequence[Item]:
    return [item for item in ITEMS.values() if item.field == kind]


@pytest.mark.parametrize("kind", SOLVERS)
def test_each_answer_is_found_again_from_the_prompt(kind: str) -> None:
    items = of_kind(kind)
    assert len(items) == len(LEVELS) * PER_LEVEL
    assert {item.id: SOLVERS[kind](item.prompt) for item in items} == {
        item.id: item.answers[0] for item in items
    }


def test_exactly_one_option_follows_from_the_premises() -> None:
    for item in of_kind("syllogisms"):
        assert solve_syllogism(item) == item.answers[0], item.id


def test_every_kind_is_solved_here() -> None:
    assert {*SOLVERS, "syllogisms"} == set(KINDS) == {item.field for item in ITEMS.values()}


def test_the_shipped_items_are_those_that_are_generated() -> None:
    shipped = [json.loads(line) for line in LINES]
    assert [item for item in shipped if item["id"] in ITEMS] == list(generate())


def test_ids_carry_the_difficulty() -> None:
    levels = Counter(re.findall(r"reasoning-(\d)-\d{3}", " ".join(ITEMS)))
    assert levels == {str(level): len(KINDS) * PER_LEVEL for level in LEVELS}


@pytest.mark.parametrize("kind", ["overlapping groups", "plans", "programs"])
def test_the_size_of_a_number_does_not_give_it_away(kind: str) -> None:
    ranks = Counter(
        sorted(numbers(" ".join(item.options))).index(numbers(item.answers[0])[0])
        for item in of_kind(kind)
    )
    assert set(ranks) == set(range(4))
    assert max(ranks.values()) <= 8
