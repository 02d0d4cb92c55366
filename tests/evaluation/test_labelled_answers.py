"""The answers that people labelled as refused or answered are many, distinct and mixed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"
TABLES = {
    name: list(map(json.loads, (DATA / f"{name}.jsonl").read_text("utf-8").splitlines()))
    for name in ("labelled_answers", "labelled_answers_heldout")
}


@pytest.mark.parametrize(
    ("name", "least"), [("labelled_answers", 260), ("labelled_answers_heldout", 120)]
)
def test_each_row_is_labelled_and_none_is_there_twice(name: str, least: int) -> None:
    rows = TABLES[name]
    assert len({(row["prompt"], row["answer"]) for row in rows}) == len(rows) >= least
    assert all(row.keys() == {"prompt", "answer", "label", "why"} for row in rows)
    assert all(row["prompt"] and row["why"] for row in rows)
    labels = Counter(row["label"] for row in rows)
    assert set(labels) == {"refused", "answered"}
    assert min(labels.values()) >= 0.35 * len(rows)


def test_the_tables_share_no_answer() -> None:
    answers = [{row["answer"] for row in rows if row["answer"]} for rows in TABLES.values()]
    assert answers[0].isdisjoint(answers[1])
