"""Runs that are probed, with texts small enough for a tiny model, and workers that are killed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.training.forked_workers import TRACE, start_forking
from workbench.runs import launch as launching

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.training.forked_workers import ForkedWorkers
    from tests.training.reference_run import ReferenceRun
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
def shared() -> dict[str, Any]:
    """What is made once, when the first test needs it."""
    return {}


@pytest.fixture
def workers(
    shared: dict[str, Any], new_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> ForkedWorkers:
    """Workers are forked from a process that has done such a run already, its base measured."""
    from tests.training.reference_run import RECIPE

    monkeypatch.setenv("FTWB_CACHE", shared.setdefault("cache", os.environ["FTWB_CACHE"]))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    if "workers" not in shared:
        shared["workers"] = start_forking(dict(os.environ), new_run(*RECIPE).path)
    forked: ForkedWorkers = shared["workers"]
    monkeypatch.setattr(launching, "subprocess", forked)
    return forked


@pytest.fixture
def reference(
    shared: dict[str, Any], workers: ForkedWorkers, new_run: Callable[..., RunFolder]
) -> ReferenceRun:
    """Such a run whose worker was not killed."""
    from tests.training.reference_run import RECIPE, ReferenceRun

    if "reference" not in shared:
        run = new_run(*RECIPE)
        workers.traced = True
        assert workers.wait(launching.launch(run)) == 0
        trace = tuple((run.path / TRACE).read_text().splitlines())
        shared["reference"] = ReferenceRun(run, trace)
    whole: ReferenceRun = shared["reference"]
    return whole


def _write_suite(path: Path, lines: tuple[str, ...], items: list[dict[str, object]]) -> None:
    data = path.with_suffix(".jsonl")
    data.write_text("\n".join(map(json.dumps, items)))
    path.write_text("\n".join((f"title: {path.stem}", *lines, f"items: {data.name}")))
