"""For all tests: a private ftwb home, a tiny model made once, and small runs."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.tiny import make_tiny_model
from workbench.recipe import yaml_io
from workbench.runs.folder import Runs
from workbench.runs.view import RunFollower

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView


def pytest_configure() -> None:
    """Give each process one core: torch would use all of them in every process of ``-n auto``."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what tests measure and convert out of the user's cache."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("FTWB_CACHE", str(cache))
    return cache


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every test away from the user's runs and cache, and from the network."""
    home = tmp_path / "ftwb-home"
    monkeypatch.setenv("FTWB_HOME", str(home))
    monkeypatch.setenv("FTWB_QUEUE", str(tmp_path / "queue"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("FTWB_RUNS_DIR", raising=False)
    return home


@pytest.fixture
def runs(own_home: Path) -> Runs:
    """An empty folder of runs."""
    return Runs(own_home / "runs")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny Llama with its byte tokenizer."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny-llama")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file of twelve rows from which a tiny model can learn a little."""
    path = tmp_path / "rows.jsonl"
    intents = ("refund", "outage", "router")
    with path.open("w") as stream:
        for number in range(12):
            intent = intents[number % 3]
            row: dict[str, Any] = {
                "messages": [
                    {"role": "user", "content": f"question {number} about my {intent}"},
                    {"role": "assistant", "content": f"[{intent}] answer number {number}"},
                ],
                "intent": intent,
            }
            stream.write(json.dumps(row) + "\n")
    return path


@pytest.fixture
def new_run(runs: Runs, tiny_model: Path, rows: Path) -> Callable[..., RunFolder]:
    """Create a run of the tiny model from field overrides; probes are off unless switched on."""

    def make(*overrides: str) -> RunFolder:
        values = yaml_io.override(
            {
                "name": "tiny",
                "model": {"id": str(tiny_model), "dtype": "float32"},
                "data": {"train": str(rows), "heldout": str(rows)},
                "training": {
                    "max_steps": 6,
                    "micro_batch_size": 4,
                    "sequence_length": 128,
                    "eval_steps": 3,
                    "learning_rate": 0.01,
                    "precision": "fp32",
                },
                "evaluation": {
                    "target_field": "intent",
                    "prompts_max_new_tokens": 4,
                    "target_max_new_tokens": 4,
                    "size": "none",
                    "general_text": None,
                    "canary_steps": 0,
                },
            },
            overrides,
        )
        return runs.create(yaml_io.validate(values))

    return make


@pytest.fixture
def trained(new_run: Callable[..., RunFolder]) -> Callable[..., tuple[RunFolder, RunView]]:
    """Create such a run and train it in this process."""

    def train(*overrides: str) -> tuple[RunFolder, RunView]:
        from workbench.training.worker import train_run

        run = new_run(*overrides)
        train_run(run)
        return run, RunFollower(run).poll()

    return train
