"""The console script itself: exit codes, interrupts, and text that cannot steer a terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from workbench.recipe.recipe import Recipe
from workbench.runs.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Ended
    from workbench.runs.folder import Runs

    Ftwb = Callable[..., Ended]


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("train", "--help")])
def test_help_is_not_an_error(ftwb: Ftwb, words: tuple[str, ...]) -> None:
    assert ftwb(*words).code == 0


def test_an_unknown_option_exits_with_two(ftwb: Ftwb) -> None:
    ended = ftwb("runs", "--colour")
    assert ended.code == 2
    assert "--colour" in ended.err


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let children be interrupted, also where the tests themselves run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_exits_with_130(runs: Runs, own_home: Path) -> None:
    run = runs.create(Recipe())
    Status.of_this_process(state="running").save(run.status_file)
    command = [sys.executable, "-m", "workbench", "follow", run.id]
    follower = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        env={**os.environ, "FTWB_HOME": str(own_home), "FORCE_COLOR": "1"},
    )
    assert follower.stderr is not None
    follower.stderr.read(1)  # the bar: it is following by now
    follower.send_signal(signal.SIGINT)
    _, complaint = follower.communicate(timeout=60)
    assert follower.returncode == 130
    assert b"Traceback" not in complaint


def test_errors_are_one_line_without_control_characters(ftwb: Ftwb, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text('"ev\\e]0;owned\\ail\\nsecond": 1\n')
    ended = ftwb("estimate", recipe)
    assert ended.code == 2
    assert "\x1b" not in ended.err
    assert "\x07" not in ended.err
    assert ended.err.count("\n") == 1


def test_one_broken_run_does_not_hide_the_others(ftwb: Ftwb, runs: Runs) -> None:
    broken, torn, sound = (runs.create(Recipe(name=name)) for name in ("a", "b", "c"))
    broken.recipe_file.write_text("nonsense: 1\n")
    torn.status_file.write_text("")
    Status.of_this_process(state="finished").save(sound.status_file)
    ended = ftwb("runs")
    assert ended.code == 0, ended.err
    assert "unreadable recipe" in ended.out
    assert all(run.id in ended.out for run in (broken, torn, sound))
    assert torn.status().state == "lost"


def test_an_empty_name_matches_no_run(ftwb: Ftwb, runs: Runs) -> None:
    Status.of_this_process(state="running").save(runs.create(Recipe()).status_file)
    ended = ftwb("stop", "")
    assert ended.code == 2
    assert "empty" in ended.err
