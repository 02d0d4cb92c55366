"""A full disk pauses a run; when there is room it goes on, and its log is that of any other."""

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
from workbench.training.callbacks import monitor
from workbench.training.checkpoint import best
from workbench.training.checkpoint.best import BestWeights
from workbench.training.reporting import disk_full
from workbench.training.reporting.disk_full import Disk, StopRequested
from workbench.training.reporting.reporter import Reporter
from workbench.training.worker import work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workbench.runs.status import Status

    NewRun = Callable[..., RunFolder]

SHORT = (
    "training.max_steps=4",
    "training.save_steps=2",
    "evaluation.target_tokens=1",
    "evaluation.answer_tokens=1",
)
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again at once."""
    monkeypatch.setattr(disk_full, "_LOOK", 0)
    monkeypatch.setattr(disk_full, "_ANYWAY", 0)


def looking(
    patch: pytest.MonkeyPatch, run: RunFolder, then: Callable[[], None] = lambda: None
) -> list[Status]:
    """See how the run stands whenever it looks for room, and do something ``then``."""
    seen: list[Status] = []
    look = disk_full.take_stop

    def see(asked: RunFolder) -> bool:
        seen.append(run.status())
        then()
        return look(asked)

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


def told(run: RunFolder) -> list[dict[str, Any]]:
    """What the log tells but for the time it took; every line is whole."""
    kept = ("kind", "step", "loss", "learning_rate", "tokens", "path", "text")
    lines = run.events.read_bytes()
    assert lines.endswith(b"\n")
    events = [json.loads(line) for line in lines.splitlines()]
    return [
        {name: event.get(name) for name in kept}
        for event in events
        if event["kind"] not in ("memory", "phase")
    ]


def test_half_a_line_is_taken_back_and_written_whole_later(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, paused = new_run(*SHORT), new_run(*SHORT)
    assert work(whole) == 0
    with monkeypatch.context() as patch:
        full_for(paused, set(range(9, 60, 3)) | set(range(10, 60, 3)), patch)
        seen = looking(patch, paused)
        assert work(paused) == 0
    said = [event for event in told(paused) if "was full" in (event["text"] or "")]
    assert [event for event in told(paused) if event not in said] == told(whole)
    assert len(said) > 3
    assert said[0]["text"].startswith(f"the disk of {paused.path} was full: waited ")
    assert {status.words for status in seen} == {"paused"}
    assert {status.why for status in seen} == {
        f"the disk of {paused.path} is full; it goes on when there is room"
    }
    assert paused.status().state == "finished"
    assert not paused.status().paused
    assert not (paused.path / ".reserve").exists()


def test_a_stop_is_obeyed_while_there_is_no_room(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(*SHORT)
    record = monitor.Monitor.on_log

    def fill_at_three(self: monitor.Monitor, *args: Any, **kwargs: Any) -> None:
        if args[1].global_step == 3:
            full_for(run, set(range(1, 1000)), monkeypatch)
            control.ask(run, "stop")
        record(self, *args, **kwargs)

    monkeypatch.setattr(monitor.Monitor, "on_log", fill_at_three)
    assert work(run) == 0
    status = run.status()
    assert status.state == "stopped"
    assert status.reason == (
        f"stopped on request while the disk of {run.path} was full; its newest checkpoint is of "
        "step 2"
    )
    assert [event["step"] for event in told(run) if event["kind"] == "train"] == [1, 2]
    assert checkpoints.choose(run).step == 2


class Teller:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def pause(self, why: str) -> None:
        self.said.append(why)

    def go_on(self, after: str) -> None:
        self.said.append(after)


def test_it_is_tried_again_only_when_there_is_more_room(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = iter([5, 5, 5, 5, 4, 6])
    tries: list[int] = []

    def write() -> int:
        tries.append(1)
        if len(tries) < 2:
            raise MachineError("the model cannot be saved") from FULL
        return 7

    run, teller = new_run(), Teller()
    monkeypatch.setattr(disk_full, "_ANYWAY", 1e9)
    monkeypatch.setattr(disk_full, "_free", lambda _place: next(room))
    assert Disk(run, teller).retry_when_disk_full(write, run.path) == 7
    assert len(tries) == 2
    assert list(room) == []
    assert [text.split(" ")[-1] for text in teller.said] == ["room", "lost"]


def test_another_error_is_not_waited_for(new_run: NewRun) -> None:
    def write() -> None:
        raise MachineError("read-only") from OSError(errno.EROFS, "read-only")

    run, teller = new_run(), Teller()
    with pytest.raises(MachineError, match="read-only"):
        Disk(run, teller).retry_when_disk_full(write, run.path)
    assert teller.said == []


def test_a_clock_that_is_put_back_makes_no_wait_negative(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def write() -> None:
        tries.append(1)
        if len(tries) < 2:
            raise FULL

    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() - 3600 * len(tries))
    monkeypatch.setattr(disk_full, "_free", lambda _place: len(tries))
    run, teller = new_run(), Teller()
    Disk(run, teller).retry_when_disk_full(write, run.path)
    assert teller.said[-1].endswith("was full: waited 0 s, nothing is lost")


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
    reporter.state("failed")


def test_a_stop_says_where_what_was_learned_is(new_run: NewRun) -> None:
    def write() -> None:
        raise FULL

    run = new_run()
    control.ask(run, "stop")
    with pytest.raises(StopRequested, match="was full; it has no checkpoint"):
        Disk(run, Teller()).retry_when_disk_full(write, run.path)


def test_the_best_weights_leave_no_draft_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch import nn

    def half(_tensors: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    kept = BestWeights(tmp_path)
    kept.keep(nn.Linear(2, 2))
    before = (tmp_path / "best.safetensors").read_bytes()
    monkeypatch.setattr(best, "save_file", half)
    with pytest.raises(MachineError, match="No space left") as caught:
        kept.keep(nn.Linear(2, 2))
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


def fill(disk_: Path) -> Path:
    """Take all the room there is."""
    ballast = disk_ / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(4096))
        except OSError:
            return ballast


def test_a_disk_that_is_really_full_pauses_a_run_that_then_goes_on(
    new_run: NewRun, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_NEEDED_BYTES", 0)
    whole = new_run(*SHORT)
    assert work(whole) == 0
    run = Runs(small_disk).create(whole.recipe())
    record = monitor.Monitor.on_log
    ballast = small_disk / "ballast"
    left: list[list[str]] = []

    def fill_at_two(self: monitor.Monitor, *args: Any, **kwargs: Any) -> None:
        if args[1].global_step == 2:
            fill(small_disk)
        record(self, *args, **kwargs)

    def make_room_at_the_third_look() -> None:
        left.append([path.name for path in run.checkpoints.iterdir()])
        if len(left) == 3:
            ballast.unlink()

    monkeypatch.setattr(monitor.Monitor, "on_log", fill_at_two)
    monkeypatch.setattr(disk_full, "_ANYWAY", 1e9)
    seen = looking(monkeypatch, run, make_room_at_the_third_look)
    assert work(run) == 0
    assert run.status().state == "finished"
    assert [status.words for status in seen] == ["paused"] * 3
    assert all("is full; it goes on when there is room" in status.why for status in seen)
    assert left == [[]] * 3
    said = [event for event in told(run) if "was full" in (event["text"] or "")]
    assert len(said) == 1
    assert [event for event in told(run) if event not in said] == told(whole)
    assert checkpoints.steps(run) == [4, 2]
    assert not any(checkpoints.fault(checkpoints.folder_of(run, step)) for step in (2, 4))


def test_a_reporter_begins_on_a_full_disk(
    new_run: NewRun, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_NEEDED_BYTES", 0)
    run = Runs(small_disk).create(new_run().recipe())
    ballast = fill(small_disk)
    monkeypatch.setattr(disk_full, "_ANYWAY", 1e9)
    reporter = Reporter(run)
    looks = looking(monkeypatch, run, lambda: ballast.unlink(missing_ok=True))
    reporter.phase("reading the data")
    assert len(looks) == 1
    assert run.status().phase == "reading the data"
    reporter.state("stopped")
