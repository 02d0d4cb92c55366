"""The harder items, by hand and by generator, are distinct, balanced and can be solved."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from workbench.core.locations import presets
from workbench.evaluation.suites.scorers.constraints import ConstraintsScorer, passes
from workbench.evaluation.suites.suites import shipped_suites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from workbench.evaluation.suites.items import Item

DATA = presets() / "data"
SAMPLES = {
    sample["id"]: sample
    for sample in map(
        json.loads,
        (Path(__file__).parent / "data" / "instruction_samples.jsonl")
        .read_text("utf-8")
        .splitlines(),
    )
}
"""For each instruction an answer that is right, and one that breaks each constraint alone."""
SCORER = ConstraintsScorer()
SUITES = {suite.name: suite.items for suite in shipped_suites()}
HARD = {
    name: [item for item in items if re.fullmatch(rf"{name}-\d-\d{{3}}", item.id)]
    for name, items in SUITES.items()
}
NGRAM = 8
NEAR = 0.8
"""Two prompts with this share of their words in common, or more, ask the same."""


@cache
def words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.casefold()))


def ngrams(text: str) -> set[tuple[str, ...]]:
    found = words(text)
    return {found[at : at + NGRAM] for at in range(len(found) - NGRAM + 1)}


def shares_template(name: str, item: Item) -> bool:
    return name in ("arithmetic", "formats") or (name == "reasoning" and item in HARD[name])


@cache
def vocabulary(text: str) -> frozenset[str]:
    return frozenset(words(text))


def similarity(first: str, second: str) -> float:
    """Share of the words of both that are in each."""
    one, other = vocabulary(first), vocabulary(second)
    return len(one & other) / len(one | other)


def taught() -> Iterator[str]:
    for path in sorted(DATA.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            yield from (text for text in json.loads(line).values() if isinstance(text, str))


def test_the_suites_hold_as_many_items_as_promised() -> None:
    levels = {
        name: Counter(item.id.split("-")[1] for item in items)
        for name, items in HARD.items()
        if items
    }
    assert levels == {
        "knowledge": {"2": 140, "3": 196},
        "reasoning": {"1": 60, "2": 60, "3": 60},
        "arithmetic": {"1": 48, "2": 48, "3": 48},
        "instructions": {"2": 36, "3": 36},
    }
    assert sum(map(len, SUITES.values())) >= 1700
    assert not any(item.size == "quick" for items in HARD.values() for item in items)


def test_ids_are_unique() -> None:
    for items in SUITES.values():
        assert len({item.id for item in items}) == len(items)


def test_no_two_prompts_ask_the_same() -> None:
    """Items of one generator share their template, and formats ask for the same contents."""
    keys = [" ".join(words(item.prompt)) for items in SUITES.values() for item in items]
    assert len(set(keys)) == len(keys)
    single = [
        item.prompt
        for name, items in SUITES.items()
        for item in items
        if not shares_template(name, item)
    ]
    assert len(single) > 1000
    pairs = combinations(single, 2)
    assert [pair for pair in pairs if similarity(*pair) >= NEAR] == []


def test_a_near_duplicate_is_noticed() -> None:
    assert similarity("Who wrote Don Quixote?", "Who, then, wrote Don Quixote?") >= NEAR
    assert similarity("Who wrote Don Quixote?", "Who wrote Frankenstein?") < NEAR


def test_no_item_stands_in_the_data_that_is_trained_or_measured_on() -> None:
    texts = list(taught())
    grams = {gram for text in texts for gram in ngrams(text)}
    joined = "\n".join(" ".join(words(text)) for text in texts)
    assert "photosynthesis" in joined
    for item in (item for items in HARD.values() for item in items):
        assert ngrams(item.prompt).isdisjoint(grams), item.id
        assert " ".join(words(item.prompt)) not in joined, item.id


@pytest.mark.parametrize("level", ["2", "3"])
def test_knowledge_is_balanced_over_the_fields(level: str) -> None:
    fields = Counter(item.field for item in HARD["knowledge"] if item.id.split("-")[1] == level)
    assert len(fields) == 28
    assert set(fields.values()) == {5 if level == "2" else 7}


@pytest.mark.parametrize("name", ["knowledge", "reasoning"])
@pytest.mark.parametrize("level", ["1", "2", "3"])
def test_places_and_lengths_give_nothing_away_at_any_difficulty(name: str, level: str) -> None:
    items = [item for item in HARD[name] if item.id.split("-")[1] == level]
    if not items:
        assert (name, level) == ("knowledge", "1")
        return
    places = Counter(item.options.index(item.answers[0]) for item in items)
    assert set(places) == set(range(4))
    assert max(places.values()) <= 0.35 * len(items)
    for pick in (min, max):
        assert 0.1 <= share_right(items, pick) <= 0.4


def share_right(items: Sequence[Item], pick: Callable[[list[int]], int]) -> float:
    """How often the shortest, or longest, option is right; ties share the point."""
    total = 0.0
    for item in items:
        lengths = list(map(len, item.options))
        picked = pick(lengths)
        total += (len(item.answers[0]) == picked) / lengths.count(picked)
    return total / len(items)


def test_the_constraints_of_an_instruction_can_be_met_together() -> None:
    assert set(SAMPLES) == {item.id for item in HARD["instructions"]}
    for item in HARD["instructions"]:
        answer = SAMPLES[item.id]["right"]
        assert SCORER.grade(item, [answer]).score == 1, (item.id, answer)
        assert len(words(answer)) <= 50, item.id


def test_no_constraint_of_an_instruction_follows_from_the_others() -> None:
    for item in HARD["instructions"]:
        for constraint, answer in zip(item.constraints, SAMPLES[item.id]["wrong"], strict=True):
            broken = [check for check in item.constraints if not passes(answer, check)]
            assert broken == [constraint], (item.id, answer)


def test_the_difficulty_of_an_instruction_is_its_number_of_constraints() -> None:
    counts: dict[str, set[int]] = {}
    for item in HARD["instructions"]:
        counts.setdefault(item.id.split("-")[1], set()).add(len(item.constraints))
    assert counts == {"2": {3}, "3": {4, 5, 6}}
