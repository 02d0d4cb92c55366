"""A full disk pauses a run; with space again it continues, and its log is that of any other."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from safetensors import SafetensorError

from workbench.core import files
from workbench.core.errors import MachineError
from workbench.runs import checkpoints, control, folder
from workbench.runs.folder import RunFolder, Runs
from workbench.training.callbacks.record import RecordCallback
from workbench.training.checkpoint import best
from workbench.training.checkpoint.best import BestWeights
from workbench.training.reporting import disk_full
from workbench.training.reporting.disk_full import DiskSpace, StopRequested
from workbench.training.reporting.reporter import Reporter
from workbench.training.worker import train_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workbench.runs.status import Status

    NewRun = Callable[..., RunFolder]

SHORT = (
    "training.max_steps=4",
    "training.save_steps=2",
    "evaluation.target_max_new_tokens=1",
    "evaluation.prompts_max_new_tokens=1",
)
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(disk_full, "_POLL_SECONDS", 0)
    monkeypatch.setattr(disk_full, "_RETRY_SECONDS", 0)


def looking(
    patch: pytest.MonkeyPatch, run: RunFolder, then: Callable[[], None] = lambda: None
) -> list[Status]:
    """Collect the status of the run whenever it looks for space, and do something ``then``."""
    seen: list[Status] = []
    take_stop = disk_full.take_stop

    def see(folder: RunFolder) -> bool:
        seen.append(run.status())
        then()
        return take_stop(folder)

    patch.setattr(disk_full, "take_stop", see)
    return seen


def full_for(run: RunFolder, broken: set[int], patch: pytest.MonkeyPatch) -> None:
    """Let some writes to the log of ``run``, counted from 1, come to nothing, or to half."""
    write, count = os.write, 0

    def limited(file: int, data: bytes) -> int:
        nonlocal count
        if not os.path.samestat(os.fstat(file), run.events.stat()):
            return write(file, data)
        count += 1
        if count not in broken:
            return write(file, data)
        if count % 2:
            return write(file, data[: len(data) // 2])
        raise FULL

    patch.setattr(os, "write", limited)


def logged(run: RunFolder) -> list[dict[str, Any]]:
    """What the log holds but for times; every line is whole."""
    kept = ("kind", "step", "loss", "learning_rate", "tokens", "path", "text")
    lines = run.events.read_bytes()
    assert lines.endswith(b"\n")
    events = [json.loads(line) for line in lines.splitlines()]
    return [
        {name: event.get(name) for name in kept}
        for event in events
        if event["kind"] not in ("memory", "phase")
    ]


@pytest.mark.dtype
@pytest.mark.slow
def test_half_a_line_is_taken_back_and_written_whole_later(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, paused = new_run(*SHORT), new_run(*SHORT)
    assert train_run(whole) == 0
    with monkeypatch.context() as patch:
        full_for(paused, set(range(9, 60, 3)) | set(range(10, 60, 3)), patch)
        seen = looking(patch, paused)
        assert train_run(paused) == 0
    pauses = [event for event in logged(paused) if "disk full" in (event["text"] or "")]
    assert [event for event in logged(paused) if event not in pauses] == logged(whole)
    assert len(pauses) > 3
    assert pauses[0]["text"].startswith(f"disk full at {paused.path}: resumed after ")
    assert {status.label for status in seen} == {"paused"}
    assert {status.explanation for status in seen} == {
        f"disk full at {paused.path}: resumes when there is space"
    }
    assert paused.status().state == "finished"
    assert not paused.status().paused
    assert not (paused.path / ".reserve").exists()


def test_a_stop_is_obeyed_while_the_disk_is_full(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(*SHORT)
    record = RecordCallback.on_log

    def fill_at_three(self: RecordCallback, *args: Any, **kwargs: Any) -> None:
        if args[1].global_step == 3:
            full_for(run, set(range(1, 1000)), monkeypatch)
            control.send_request(run, "stop")
        record(self, *args, **kwargs)

    monkeypatch.setattr(RecordCallback, "on_log", fill_at_three)
    assert train_run(run) == 0
    status = run.status()
    assert status.state == "stopped"
    assert status.reason == (
        f"stopped on request while the disk was full at {run.path}; newest checkpoint: step 2"
    )
    assert [event["step"] for event in logged(run) if event["kind"] == "train"] == [1, 2]
    assert checkpoints.choose(run).step == 2


class Listener:
    """Keeps the messages it gets."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def pause(self, reason: str) -> None:
        self.messages.append(reason)

    def resume(self, message: str) -> None:
        self.messages.append(message)


def test_a_write_is_retried_only_when_there_is_more_space(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([5, 5, 5, 5, 4, 6])
    tries: list[int] = []

    def write() -> int:
        tries.append(1)
        if len(tries) < 2:
            raise MachineError("the model cannot be saved") from FULL
        return 7

    run, listener = new_run(), Listener()
    monkeypatch.setattr(disk_full, "_RETRY_SECONDS", 1e9)
    monkeypatch.setattr(disk_full, "_free_bytes", lambda _place: next(free))
    assert DiskSpace(run, listener).retry_when_full(write, run.path) == 7
    assert len(tries) == 2
    assert list(free) == []
    assert [text.split(" ")[-1] for text in listener.messages] == ["space", "lost"]


def test_another_error_is_not_waited_for(new_run: NewRun) -> None:
    def write() -> None:
        raise MachineError("read-only") from OSError(errno.EROFS, "read-only")

    run, listener = new_run(), Listener()
    with pytest.raises(MachineError, match="read-only"):
        DiskSpace(run, listener).retry_when_full(write, run.path)
    assert listener.messages == []


def test_a_clock_that_jumps_back_makes_no_wait_negative(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def write() -> None:
        tries.append(1)
        if len(tries) < 2:
            raise FULL

    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() - 3600 * len(tries))
    monkeypatch.setattr(disk_full, "_free_bytes", lambda _place: len(tries))
    run, listener = new_run(), Listener()
    DiskSpace(run, listener).retry_when_full(write, run.path)
    assert listener.messages[-1].endswith(": resumed after 0 s, nothing was lost")


def test_a_run_whose_disk_turned_read_only_ends_without_another_error(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run()
    reporter = Reporter(run)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        for name in ("open", "unlink", "replace"):
            patch.setattr(os, name, refuse)
        reporter.end("failed", "the disk turned read-only")
    assert run.status().state == "starting"
    reporter.set_state("failed")


def test_a_stop_names_the_newest_checkpoint(new_run: NewRun) -> None:
    def write() -> None:
        raise FULL

    run = new_run()
    control.send_request(run, "stop")
    with pytest.raises(StopRequested, match="; no checkpoint was written"):
        DiskSpace(run, Listener()).retry_when_full(write, run.path)


def test_the_best_weights_leave_no_draft_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch import nn

    def half(_tensors: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    kept = BestWeights(tmp_path)
    kept.keep(nn.Linear(2, 2), 1)
    before = (tmp_path / "best.safetensors").read_bytes()
    monkeypatch.setattr(best, "save_file", half)
    with pytest.raises(MachineError, match="No space left") as caught:
        kept.keep(nn.Linear(2, 2), 1)
    assert files.is_disk_full(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["best.safetensors"]
    assert (tmp_path / "best.safetensors").read_bytes() == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of eight megabytes."""
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("no disk can be mounted here: " + done.stderr.decode().strip())
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Take all the space there is."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(4096))
        except OSError:
            return ballast


@pytest.mark.dtype
@pytest.mark.slow
def test_a_disk_that_is_really_full_pauses_a_run_that_then_continues(
    new_run: NewRun, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_NEEDED_BYTES", 0)
    whole = new_run(*SHORT)
    assert train_run(whole) == 0
    run = Runs(small_disk).create(whole.recipe())
    record = RecordCallback.on_log
    ballast = small_disk / "ballast"
    left: list[list[str]] = []

    def fill_at_two(self: RecordCallback, *args: Any, **kwargs: Any) -> None:
        if args[1].global_step == 2:
            fill(small_disk)
        record(self, *args, **kwargs)

    def free_space_at_the_third_look() -> None:
        left.append([path.name for path in run.checkpoints.iterdir()])
        if len(left) == 3:
            ballast.unlink()

    monkeypatch.setattr(RecordCallback, "on_log", fill_at_two)
    monkeypatch.setattr(disk_full, "_RETRY_SECONDS", 1e9)
    seen = looking(monkeypatch, run, free_space_at_the_third_look)
    assert train_run(run) == 0
    assert run.status().state == "finished"
    assert [status.label for status in seen] == ["paused"] * 3
    assert all("resumes when there is space" in status.explanation for status in seen)
    assert left == [[]] * 3
    pauses = [event for event in logged(run) if "disk full" in (event["text"] or "")]
    assert len(pauses) == 1
    assert [event for event in logged(run) if event not in pauses] == logged(whole)
    assert checkpoints.steps(run) == [4, 2]
    assert not any(checkpoints.fault(checkpoints.folder_of(run, step)) for step in (2, 4))


def test_a_reporter_starts_on_a_full_disk(
    new_run: NewRun, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_NEEDED_BYTES", 0)
    run = Runs(small_disk).create(new_run().recipe())
    ballast = fill(small_disk)
    monkeypatch.setattr(disk_full, "_RETRY_SECONDS", 1e9)
    reporter = Reporter(run)
    looks = looking(monkeypatch, run, lambda: ballast.unlink(missing_ok=True))
    reporter.phase("reading the data")
    assert len(looks) == 1
    assert run.status().phase == "reading the data"
    reporter.set_state("stopped")
