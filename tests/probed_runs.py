"""Fixtures for runs that are evaluated in full, with texts small enough for a tiny model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def general(tmp_path: Path) -> Path:
    """Twenty rows of general text of many lengths."""
    path = tmp_path / "general.jsonl"
    with path.open("w") as stream:
        for number in range(20):
            row = {"question": f"What is {number} + 1?", "answer": "It is " + "more " * number}
            stream.write(json.dumps(row) + "\n")
    return path


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A suite with options and, in the same folder, one with answers; the path of the first."""
    _write_suite(
        tmp_path / "colours.yaml",
        ("measures: knowledge", "scorer: {kind: options}"),
        [
            {
                "id": f"c{number}",
                "prompt": f"Which colour has the number {number}?",
                "options": ["red", "green", "blue"],
                "answers": ["blue"],
                "size": "quick" if number < 6 else "standard",
            }
            for number in range(8)
        ],
    )
    _write_suite(
        tmp_path / "words.yaml",
        ("measures: behaviour", "scorer: {kind: contains}", "new_tokens: 6"),
        [
            {"id": f"w{number}", "prompt": f"Say {number}.", "answers": [str(number)], "size": size}
            for number, size in enumerate(("quick", "quick", "quick", "standard"))
        ],
    )
    return tmp_path / "colours.yaml"


@pytest.fixture
def probed(general: Path, suite: Path) -> tuple[str, ...]:
    """Overrides that switch on everything a run can measure."""
    suites = json.dumps([str(suite), str(suite.with_name("words.yaml"))])
    return (
        "evaluation.size=quick",
        f"evaluation.suites={suites}",
        f"evaluation.general_text={general}",
        "evaluation.retention_steps=2",
        "evaluation.canary_steps=4",
    )


def _write_suite(path: Path, lines: tuple[str, ...], items: list[dict[str, object]]) -> None:
    data = path.with_suffix(".jsonl")
    data.write_text("\n".join(map(json.dumps, items)))
    path.write_text("\n".join((f"title: {path.stem}", *lines, f"items: {data.name}")))
