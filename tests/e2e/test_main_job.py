"""The main job in a real terminal: launch, watch, lose the terminal, return, stop, chat."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import FTWB
from tests.e2e.terminal import Terminal
from workbench.runs.events import EventReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import Runs

pytestmark = [pytest.mark.slow, pytest.mark.serial]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    lines = [
        {"prompt": f"question {number}", "completion": f"[refund] answer {number}"}
        for number in range(40)
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def find(terminal: Terminal, field: str, hint: str) -> None:
    """Find a field by its path and wait until its hint says that it has the focus."""
    terminal.send("\x07")
    terminal.wait_for("Find a field")
    terminal.send(*field)
    terminal.wait_for(lambda text: field in text)
    terminal.send("\r")
    terminal.wait_for(lambda text: "Find a field" not in text and hint in text.splitlines()[-2])


def fill(terminal: Terminal, field: str, value: str, hint: str) -> None:
    """Replace the value of a text field; focusing it has selected all of it.

    It is not cleared with a binding such as ^U: Textual runs a binding only once its key has
    bubbled up to the screen, so on a busy machine it could delete what was typed after it.
    """
    find(terminal, field, hint)
    terminal.send(*(value or "\x7f"))


def choose_first(terminal: Terminal, field: str, hint: str) -> None:
    """Find a field with options and choose the first one."""
    find(terminal, field, hint)
    terminal.send("\r", "\x1b[H", "\r")


@pytest.mark.parametrize(
    ("size", "lose"),
    [
        pytest.param((80, 24), Terminal.kill, id="80x24-killed"),
        pytest.param((140, 45), Terminal.hang_up, id="140x45-hung-up"),
    ],
)
def test_a_run_outlives_its_terminal(
    open_terminal: Callable[..., Terminal],
    runs: Runs,
    tiny_model: Path,
    rows: Path,
    size: tuple[int, int],
    lose: Callable[[Terminal], None],
) -> None:
    first = open_terminal(size)
    first.wait_for("Base model")
    fill(first, "model.id", str(tiny_model), "'demo', a hub id")
    fill(first, "data.train", str(rows), "A .jsonl, .json")
    fill(first, "training.max_steps", "100000", "Optimiser steps")
    choose_first(first, "evaluation.size", "How many probe items")
    fill(first, "evaluation.general_text", "", "Text that is never trained on")
    first.send("\x0c")
    first.wait_for("running (detached")
    first.wait_for("process and host memory, GiB")
    first.wait_for("━ train")
    (run,) = runs.list()
    first.wait_for(lambda _: run.status().step > 20)
    worker = run.status().pid
    assert worker is not None

    lose(first)
    seen = run.status().step
    deadline = time.monotonic() + 30
    while run.status().step <= seen + 20 and time.monotonic() < deadline:
        os.sched_yield()
    assert run.status().state == "running"
    assert run.status().step > seen + 20

    second = open_terminal(size)
    second.wait_for("Base model")
    second.send("2")
    second.wait_for(run.recipe().name)
    second.send("\r")
    second.wait_for(f"pid {worker}")

    stopped = subprocess.run([*FTWB, "stop", "last"], check=False, capture_output=True, text=True)
    assert stopped.returncode == 0, stopped.stderr
    second.wait_for("stopped")
    assert run.status().state in ("stopping", "stopped")
    second.wait_for(lambda _: run.status().state == "stopped")
    assert run.has_result()
    trained = [
        event["step"] for event in EventReader(run.events).read() if event["kind"] == "train"
    ]
    assert trained == list(range(1, run.status().step + 1))
    assert run.status().pid == worker

    second.send("c")
    second.wait_for("base")
    second.wait_for("tuned")
    second.wait_for(lambda text: "load" not in text.lower())
    second.send(*"question 1", "\r")
    second.wait_for(lambda text: text.count("tok/s") >= 2)
