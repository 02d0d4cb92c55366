"""One worker per run, on any file system."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from workbench.core import locations
from workbench.core.errors import BadInputError, MachineError
from workbench.recipe.recipe import Recipe
from workbench.runs import run_lock as module
from workbench.runs.run_lock import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workbench.runs.folder import RunFolder, Runs

HOLDER = """
import errno, fcntl, os, sys
from pathlib import Path
from workbench.runs.run_lock import locked
from workbench.runs.folder import RunFolder
run, lock = RunFolder(Path(sys.argv[1])), fcntl.flock
def flock(file, how):
    if os.path.samestat(os.fstat(file), os.stat(run.path / ".lock")):
        raise OSError(errno.ENOLCK, "No locks available")
    lock(file, how)
if sys.argv[2:]:
    fcntl.flock = flock
with locked(run):
    print("held", flush=True)
    sys.stdin.read()
"""
"""Holds the lock of a run until its input ends; any second argument: without file locks."""


@pytest.fixture
def run(runs: Runs) -> RunFolder:
    return runs.create(Recipe())


@pytest.fixture
def holder(run: RunFolder) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Let another process lock the run."""
    processes: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(run.path), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def without_locks(folder: Path, number: int, patch: pytest.MonkeyPatch) -> None:
    """Let every lock of a file in ``folder`` fail, as on a file system without locks."""
    lock = fcntl.flock

    def flock(file: int, how: int) -> None:
        if any(
            os.path.samestat(os.fstat(file), one.stat())
            for one in folder.iterdir()
            if one.is_file()
        ):
            raise OSError(number, os.strerror(number))
        lock(file, how)

    patch.setattr(module.fcntl, "flock", flock)


def held_by_another(run: RunFolder) -> bool:
    try:
        with locked(run):
            return False
    except BadInputError as error:
        return str(error) == f"{run.id}: locked by another worker or resume"


def test_a_killed_holder_releases_the_lock(
    run: RunFolder, holder: Callable[..., subprocess.Popen[str]]
) -> None:
    process = holder()
    assert held_by_another(run)
    process.kill()
    process.wait()
    assert not held_by_another(run)
    assert not held_by_another(run)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL])
def test_without_file_locks_this_machine_is_still_locked_out(
    run: RunFolder,
    holder: Callable[..., subprocess.Popen[str]],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    without_locks(run.path, number, monkeypatch)
    assert not held_by_another(run)
    process = holder("without locks")
    assert held_by_another(run)
    process.kill()
    process.wait()
    assert not held_by_another(run)


def test_two_runs_without_locks_are_independent(
    runs: Runs, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = runs.create(Recipe())
    for folder in (run.path, other.path):
        without_locks(folder, errno.ENOLCK, monkeypatch)
    with locked(run):
        assert held_by_another(run)
        assert not held_by_another(other)


def test_if_nothing_can_be_locked_the_error_says_what_to_do(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_file: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(module.fcntl, "flock", refuse)
    with (
        pytest.raises(MachineError, match=r"can be locked neither in .* nor in .*FTWB_QUEUE"),
        locked(run),
    ):
        pass
    assert locations.queue().is_dir()


def test_a_folder_that_cannot_be_written_is_named(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(module, "_open", refuse)
    with (
        pytest.raises(MachineError, match=f"{run.path}: cannot be written: Read-only"),
        locked(run),
    ):
        pass
