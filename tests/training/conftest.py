"""A support desk in miniature, and a worker that runs inside the test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from workbench.recipe import storage
from workbench.runs.view import RunFollower

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder, Runs
    from workbench.runs.view import RunView


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Twelve rows that a tiny model can learn a little of."""
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
    """Make a run folder for the tiny model from field overrides."""

    def make(*overrides: str) -> RunFolder:
        values = storage.override(
            {
                "name": "tiny",
                "model": {"id": str(tiny_model)},
                "data": {"train": str(rows), "heldout": str(rows)},
                "training": {
                    "max_steps": 6,
                    "micro_batch_size": 4,
                    "sequence_length": 128,
                    "evaluation_interval": 3,
                    "learning_rate": 0.01,
                },
                "evaluation": {"target_field": "intent", "answer_tokens": 4, "target_tokens": 4},
            },
            overrides,
        )
        return runs.create(storage.validate(values))

    return make


@pytest.fixture
def trained(new_run: Callable[..., RunFolder]) -> Callable[..., tuple[RunFolder, RunView]]:
    """Train such a run here and now."""

    def train(*overrides: str) -> tuple[RunFolder, RunView]:
        from workbench.training.worker import work

        run = new_run(*overrides)
        work(run)
        return run, RunFollower(run).poll()

    return train
