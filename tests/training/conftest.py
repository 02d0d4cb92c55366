"""Runs that are probed, with texts small enough for a tiny model, and workers that die."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.training.nursery import TRACE, opened
from workbench.runs import launch as launching

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.training.nursery import Nursery
    from tests.training.undisturbed import Undisturbed
    from workbench.runs.folder import RunFolder

    NewRun = Callable[..., RunFolder]


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
    """One suite with options and one with answers, beside each other; the first one's path."""
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
    """Overrides that ask all there is of a run on a tiny model."""
    suites = json.dumps([str(suite), str(suite.with_name("words.yaml"))])
    return (
        "evaluation.size=quick",
        f"evaluation.suites={suites}",
        f"evaluation.general_text={general}",
        "evaluation.retention_steps=2",
        "evaluation.canary_steps=4",
    )


@pytest.fixture(scope="session")
def kept() -> dict[str, Any]:
    """What is made once, when the first test needs it."""
    return {}


@pytest.fixture
def nursery(
    kept: dict[str, Any], new_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> Nursery:
    """Workers are forked from a process in which such a run was already done, its base measured."""
    from tests.training.undisturbed import RECIPE

    monkeypatch.setenv("FTWB_CACHE", kept.setdefault("cache", os.environ["FTWB_CACHE"]))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    if "nursery" not in kept:
        kept["nursery"] = opened(dict(os.environ), new_run(*RECIPE).path)
    found: Nursery = kept["nursery"]
    monkeypatch.setattr(launching, "subprocess", found)
    return found


@pytest.fixture
def undisturbed(
    kept: dict[str, Any], nursery: Nursery, new_run: Callable[..., RunFolder]
) -> Undisturbed:
    """Such a run in which nobody was killed."""
    from tests.training.undisturbed import RECIPE, Undisturbed

    if "undisturbed" not in kept:
        run = new_run(*RECIPE)
        nursery.traced = True
        assert nursery.end_of(launching.launch(run)) == 0
        trace = tuple((run.path / TRACE).read_text().splitlines())
        kept["undisturbed"] = Undisturbed(run, trace)
    found: Undisturbed = kept["undisturbed"]
    return found


def _write_suite(path: Path, lines: tuple[str, ...], items: list[dict[str, object]]) -> None:
    data = path.with_suffix(".jsonl")
    data.write_text("\n".join(map(json.dumps, items)))
    path.write_text("\n".join((f"title: {path.stem}", *lines, f"items: {data.name}")))
