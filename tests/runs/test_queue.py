"""The queue for devices: in the order of launch, living workers only, locks that die with them."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from workbench.core import locations
from workbench.core.errors import MachineError
from workbench.core.locks import lock_file
from workbench.recipe.recipe import Recipe
from workbench.runs.launch import launch
from workbench.runs.process import process_identity
from workbench.runs.queue import AcquiredDevices, Queue, Ticket
from workbench.runs.status import Status, ordinal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workbench.runs.folder import Runs

HOLDER = """
import sys
import time
from pathlib import Path
from workbench.runs.queue import Queue
taken = Queue(Path(sys.argv[1])).try_acquire(Path(sys.argv[2]), sys.argv[3:])
print(*getattr(taken, "devices", [taken]), flush=True)
sys.stdin.read()
"""
"""Tries once, prints the devices or the position, and lives until its input ends."""


@pytest.fixture
def queue(own_home: Path) -> Queue:
    del own_home
    return Queue(locations.queue())


@pytest.fixture
def try_acquire(queue: Queue) -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """Let another process try once, and return it with what it printed."""
    processes: list[subprocess.Popen[str]] = []

    def start(*devices: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(queue.folder), "run", *devices],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_killed_holder_frees_its_device(
    queue: Queue, try_acquire: Callable[..., tuple[subprocess.Popen[str], str]], tmp_path: Path
) -> None:
    holder, device = try_acquire("cpu")
    assert device == "cpu"
    assert queue.try_acquire(tmp_path, ["cpu"]) == 1
    assert queue.try_acquire(tmp_path, ["cpu"]) == 1
    holder.kill()
    holder.wait()
    assert isinstance(queue.try_acquire(tmp_path, ["cpu"]), AcquiredDevices)


def test_positions_count_only_living_workers_ahead(
    queue: Queue, try_acquire: Callable[..., tuple[subprocess.Popen[str], str]], tmp_path: Path
) -> None:
    holder, _ = try_acquire("cpu")
    first, place = try_acquire("cpu")
    assert place == "1"
    assert queue.try_acquire(tmp_path, ["cpu"]) == 2
    assert try_acquire("cpu")[1] == "3"
    first.kill()
    first.wait()
    assert queue.try_acquire(tmp_path, ["cpu"]) == 1
    holder.kill()
    holder.wait()
    assert try_acquire("cpu")[1] == "3"
    assert isinstance(queue.try_acquire(tmp_path, ["cpu"]), AcquiredDevices)


def test_nobody_is_overtaken_even_if_the_device_is_free(
    queue: Queue, try_acquire: Callable[..., tuple[subprocess.Popen[str], str]], tmp_path: Path
) -> None:
    with queue.locked() as waiting:
        mine = Ticket("mine", *own())
        waiting.append(mine)
    assert try_acquire("cpu")[1] == "2"
    assert isinstance(queue.try_acquire(tmp_path, ["cpu"]), AcquiredDevices)
    assert [ticket[:1] for ticket in stored(queue)] == [("run",)]


def test_runs_spread_over_the_devices_and_wait_for_the_first_free(
    try_acquire: Callable[..., tuple[subprocess.Popen[str], str]],
) -> None:
    both = ("GPU-a", "GPU-b")
    assert try_acquire(*both)[1] == "GPU-a"
    assert try_acquire(*both)[1] == "GPU-b"
    assert try_acquire(*both)[1] == "1"
    assert try_acquire("GPU-b")[1] == "2"
    assert try_acquire("GPU-c")[1] == "GPU-c"


def test_a_reused_pid_keeps_no_place_in_the_queue(queue: Queue, tmp_path: Path) -> None:
    with queue.locked() as waiting:
        waiting.append(Ticket("old", 1, "another boot:1", ("cpu",)))
    assert isinstance(queue.try_acquire(tmp_path, ["cpu"]), AcquiredDevices)


def test_a_folder_of_someone_else_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(MachineError, match="not a folder of yours; set FTWB_QUEUE"):
        Queue(tmp_path / "link").try_acquire(tmp_path, ["cpu"])


def test_a_file_system_without_locks_is_named(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_file: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("workbench.core.locks.fcntl.flock", refuse)
    run = runs.create(Recipe())
    with pytest.raises(MachineError, match=r"No locks available.*set FTWB_QUEUE"):
        launch(run)
    assert run.status().state == "failed"
    assert "No locks available" in run.status().reason


def test_the_folder_is_the_users_own(queue: Queue, tmp_path: Path) -> None:
    queue.try_acquire(tmp_path, ["cpu"])
    assert queue.folder.stat().st_mode & 0o077 == 0
    with (queue.folder / "cpu.lock").open() as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize(
    ("number", "word"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd"), (113, "113th")],
)
def test_positions_are_ordinals(number: int, word: str) -> None:
    assert ordinal(number) == word
    status = Status(state="queued", queue_position=number, device="cuda:0")
    assert status.label == f"queued, {word} for cuda:0"
    assert Status(state="running", queue_position=number).label == "running"


def own() -> tuple[int, str | None]:
    return os.getpid(), process_identity(os.getpid())


def stored(queue: Queue) -> list[tuple[str, ...]]:
    return [tuple(row) for row in json.loads((queue.folder / "waiting.json").read_text())]


def test_several_devices_are_acquired_together_or_not_at_all(
    queue: Queue, try_acquire: Callable[..., tuple[subprocess.Popen[str], str]], tmp_path: Path
) -> None:
    devices = ["GPU-a", "GPU-b", "GPU-c"]
    holder, device = try_acquire("GPU-b")
    assert device == "GPU-b"
    assert queue.try_acquire(tmp_path, devices, 3) == 1
    assert try_acquire("GPU-a")[1] == "2", "who needs one waits behind who needs three"
    with (queue.folder / "GPU-a.lock").open() as free:
        fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)
    holder.kill()
    holder.wait()
    taken = queue.try_acquire(tmp_path, devices, 3)
    assert isinstance(taken, AcquiredDevices)
    assert taken.devices == ("GPU-a", "GPU-b", "GPU-c")


def test_no_more_devices_are_acquired_than_needed(
    queue: Queue, try_acquire: Callable[..., tuple[subprocess.Popen[str], str]], tmp_path: Path
) -> None:
    taken = queue.try_acquire(tmp_path, ["GPU-a", "GPU-b", "GPU-c"], 2)
    assert isinstance(taken, AcquiredDevices)
    assert taken.devices == ("GPU-a", "GPU-b")
    assert try_acquire("GPU-a", "GPU-c")[1] == "GPU-c"


def test_a_lock_file_removed_by_a_cleaner_is_locked_again(
    queue: Queue, try_acquire: Callable[..., tuple[subprocess.Popen[str], str]], tmp_path: Path
) -> None:
    taken = queue.try_acquire(tmp_path, ["cpu"])
    assert isinstance(taken, AcquiredDevices)
    (queue.folder / "cpu.lock").unlink()
    taken.keep()
    assert try_acquire("cpu")[1] == "1"
    assert stored(queue) != []


def test_the_time_of_a_lock_that_is_held_is_renewed(queue: Queue, tmp_path: Path) -> None:
    taken = queue.try_acquire(tmp_path, ["cpu"])
    assert isinstance(taken, AcquiredDevices)
    os.utime(queue.folder / "cpu.lock", (0, 0))
    taken.keep()
    assert time.time() - (queue.folder / "cpu.lock").stat().st_mtime < 60


def test_a_lock_counts_only_on_the_file_that_has_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flock = tmp_path / "cpu.lock", fcntl.flock

    def remove_first(file: int, how: int) -> None:
        if os.fstat(file).st_ino == path.stat().st_ino and not (tmp_path / "removed").exists():
            (tmp_path / "removed").touch()
            path.rename(tmp_path / "old")
            path.touch()
        flock(file, how)

    monkeypatch.setattr("workbench.core.locks.fcntl.flock", remove_first)
    file = lock_file(path, wait=False)
    assert file is not None
    assert os.fstat(file).st_ino == path.stat().st_ino
    assert lock_file(path, wait=False) is None


def test_the_queue_is_where_nothing_cleans(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FTWB_QUEUE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert locations.queue() == tmp_path / "state" / "ftwb" / "queue" / socket.gethostname()
    (tmp_path / "file").touch()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert locations.queue().name == f"ftwb-{os.getuid()}"


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_launch_that_cannot_be_recorded_never_starts(
    runs: Runs, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []
    popen = subprocess.Popen

    def note(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        process = popen(*args, **options)
        started.append(process.pid)
        return process

    run = runs.create(Recipe())
    queue.ensure_folder()
    monkeypatch.setattr(subprocess, "Popen", note)
    monkeypatch.setattr("workbench.runs.queue.files.write_atomic", _fails_as_on_a_full_disk)
    with pytest.raises(MachineError, match="No space left"):
        launch(run)
    (pid,) = started
    assert process_identity(pid) is None
    assert run.status().state == "failed"
    assert "No space left" in run.status().reason


def _fails_as_on_a_full_disk(path: Path, _text: str) -> None:
    try:
        full()
    except OSError as error:
        raise MachineError(f"{path}: cannot be written: {error.strerror}") from error


def test_a_device_that_cannot_be_recorded_is_released(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("workbench.runs.queue.files.write_atomic", _fails_as_on_a_full_disk)
        with queue.locked() as waiting:
            assert waiting == []
        with pytest.raises(MachineError):
            queue.try_acquire(tmp_path, ["cpu"])
    assert isinstance(queue.try_acquire(tmp_path, ["cpu"]), AcquiredDevices)


@pytest.mark.parametrize("content", ["", "[[", "[1]", "{}", '[["run", 1]]', "\xff"])
def test_a_broken_list_of_those_that_wait_stops_nobody(
    queue: Queue, tmp_path: Path, content: str
) -> None:
    (queue.ensure_folder() / "waiting.json").write_bytes(content.encode("latin-1"))
    assert isinstance(queue.try_acquire(tmp_path, ["cpu"]), AcquiredDevices)
