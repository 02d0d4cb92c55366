"""``ftwb probes`` lists suites, checks a user's file, and finds items in data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended

SUITE = "measures: knowledge\nscorer: contains\nitems: mine.jsonl\ntitle: My own\n"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(SUITE)
    rows = [
        {"id": "k1", "prompt": "Where is Oslo?", "answers": ["Norway"], "field": "places"},
        {"id": "k2", "prompt": "Where is \x1b[31mRome?", "answers": ["Italy"], "size": "full"},
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return path


def test_the_list_has_every_suite_with_its_counts(ftwb: Callable[..., Ended]) -> None:
    from workbench.evaluation.suites.suites import shipped_suites

    suites = json.loads(ftwb("probes", "--json").out)
    assert [suite["name"] for suite in suites] == [suite.name for suite in shipped_suites()]
    shown = ftwb("probes").out
    for suite in suites:
        [line] = [line for line in shown.splitlines() if line.split()[:1] == [suite["name"]]]
        counts = [str(count) for count in suite["items_per_size"].values()]
        assert line.split()[1:6] == [suite["measures"], suite["scorer"]["kind"], *counts]
    total = sum(suite["items_per_size"]["full"] for suite in suites)
    assert f" {total} " in shown.splitlines()[-2] + " "


def test_a_suite_is_shown_with_its_items(ftwb: Callable[..., Ended], mine: Path) -> None:
    shown = ftwb("probes", mine)
    assert shown.code == 0
    assert "My own" in shown.out
    assert "quick 1  standard 1  full 2" in shown.out
    assert "Norway" in shown.out
    assert "\x1b" not in shown.out
    assert "k2" not in ftwb("probes", mine, "--size", "quick").out
    data = json.loads(ftwb("probes", mine, "--size", "quick", "--json").out)
    assert data["items_per_size"] == {"quick": 1, "standard": 1, "full": 2}
    assert [item["id"] for item in data["items"]] == ["k1"]


def test_a_scorers_settings_and_an_items_checks_are_shown(ftwb: Callable[..., Ended]) -> None:
    assert "refusal (expects refused)" in ftwb("probes", "safety_harmful").out
    assert "json, contains" in ftwb("probes", "formats").out


def test_every_problem_is_printed_with_its_line(ftwb: Callable[..., Ended], mine: Path) -> None:
    lines = [
        '{"id": "k1", "prompt": "a", "answers": ["x"]}',
        *(f'{{"id": "k{number}", "prompt": "a"}}' for number in range(2, 8)),
        '{"id": "k1", "prompt": "a", "answers": ["x"]}',
    ]
    mine.with_suffix(".jsonl").write_text("\n".join(lines))
    ended = ftwb("probes", mine)
    assert (ended.code, ended.out) == (2, "")
    for number in range(2, 9):
        assert f"mine.jsonl: line {number}: item 'k" in ended.err
    assert "7 of its items are invalid" in ended.err
    ended = ftwb("probes", mine, "--json")
    assert ended.code == 2
    problems = json.loads(ended.out)["problems"]
    assert [problem["number"] for problem in problems] == list(range(2, 9))
    assert problems[-1]["reason"] == "item 'k1': duplicate id, first used in line 1"


def test_an_unknown_suite_gets_a_suggestion(ftwb: Callable[..., Ended]) -> None:
    ended = ftwb("probes", "reasonning")
    assert ended.code == 2
    assert "did you mean 'reasoning'?" in ended.err


def test_items_found_in_a_dataset_are_listed(
    ftwb: Callable[..., Ended], mine: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data.jsonl"
    row = {"question": "where is OSLO", "answer": "In Norway."}
    data.write_text(json.dumps(row))
    ended = ftwb("probes", mine, "--against", data)
    assert (ended.code, "mine/k1" in ended.out, "mine/k2" in ended.out) == (0, True, False)
    assert "1 of 2 items" in ended.err
    overlap = json.loads(ftwb("probes", mine, "--against", data, "--json").out)
    assert overlap["contaminated"] == ["mine/k1"]


@pytest.mark.parametrize(
    "preset", ["support_train", "support_heldout", "general", "general_heldout"]
)
def test_no_shipped_item_occurs_in_shipped_data(ftwb: Callable[..., Ended], preset: str) -> None:
    overlap = json.loads(ftwb("probes", "--against", f"preset:{preset}", "--json").out)
    assert overlap["contaminated"] == []


def test_the_users_suite_is_listed_and_found_by_name(
    ftwb: Callable[..., Ended],
) -> None:
    from workbench.evaluation.suites.user_suite import add_probe

    add_probe("Where is Oslo?", ["Norway"], "In Norway.")
    assert [suite["name"] for suite in json.loads(ftwb("probes", "--json").out)][-1] == "mine"
    shown = ftwb("probes", "mine")
    assert "Your own probes" in shown.out
    assert "own-1" in shown.out
    assert "mine.yaml" in ftwb("probes", "--help").out
