"""Which items are asked at which look."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.evaluation.suites import make_suite
from workbench.evaluation.analysis.sequential import LOOKS
from workbench.evaluation.run.looks import items_at_look, only_items
from workbench.evaluation.suites.items import Item
from workbench.evaluation.suites.scorers.contains import ContainsScorer
from workbench.evaluation.suites.suites import Suite, shipped_suites

_ALL = range(1, len(LOOKS) + 1)


def _asked(suite: Suite, looks: int) -> list[Item]:
    return [item for look in range(1, looks + 1) for item in items_at_look(suite, look).items]


@pytest.mark.parametrize("suite", shipped_suites(), ids=lambda suite: suite.name)
def test_every_item_is_asked_once_and_smaller_sizes_first(suite: Suite) -> None:
    asked = _asked(suite, len(LOOKS))
    if suite.measures == "information":
        assert asked == list(suite.items_at("quick"))
        return
    assert sorted(item.id for item in asked) == sorted(item.id for item in suite.items)
    sizes = [("quick", "standard", "full").index(item.size) for item in asked]
    assert sizes == sorted(sizes)
    for look in _ALL:
        share = len(_asked(suite, look)) / len(suite.items)
        assert LOOKS[look - 1] <= share < LOOKS[look - 1] + 1 / len(suite.items)


def test_clusters_are_spread_evenly_within_a_size() -> None:
    items = [Item(id=f"{name}{i}", prompt="?", cluster=name) for name in "abcd" for i in range(16)]
    suite = make_suite("s", ContainsScorer(), *items)
    for look in _ALL:
        asked = Counter(item.cluster for item in _asked(suite, look))
        assert set(asked.values()) == {16 * LOOKS[look - 1]}


def test_the_order_within_a_cluster_is_that_of_no_difficulty() -> None:
    items = [Item(id=f"a-{i:03d}", prompt="?", cluster="a") for i in range(64)]
    half = _asked(make_suite("s", ContainsScorer(), *items), 3)
    ranks = [int(item.id[2:]) for item in half]
    assert len(ranks) == 32
    assert 8 <= sum(rank < 32 for rank in ranks) <= 24
    assert half == _asked(make_suite("s", ContainsScorer(), *reversed(items)), 3)


def test_only_some_items() -> None:
    suite = make_suite("s", ContainsScorer(), *(Item(id=name, prompt="?") for name in "abc"))
    assert [item.id for item in only_items(suite, ["c", "a"]).items] == ["a", "c"]
