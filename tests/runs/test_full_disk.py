"""Writing on a full disk: complete lines or none, and an error that is recognised."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from workbench.core import files
from workbench.core.errors import MachineError
from workbench.runs.events import EventLog, EventReader
from workbench.runs.status import Status

if TYPE_CHECKING:
    from pathlib import Path

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_recognised_by_the_cause_of_the_error() -> None:
    told = MachineError("cannot be written")
    told.__cause__ = FULL
    assert files.is_disk_full(told)
    assert files.is_disk_full(OSError(errno.EDQUOT, "Disk quota exceeded"))
    assert files.is_disk_full(RuntimeError("I/O error: No space left on device (os error 28)"))
    assert not files.is_disk_full(OSError(errno.EROFS, "Read-only file system"))
    assert not files.is_disk_full(None)


def test_a_partial_write_on_a_full_disk_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.jsonl"
    log, write = EventLog(path), os.write
    log.append("train", 1, loss=2.0)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: write(file, data[:-5]))
        with pytest.raises(OSError, match="No space left") as caught:
            log.append("train", 2, loss=float("nan"))
    assert files.is_disk_full(caught.value)
    assert path.read_bytes() == before
    log.append("train", 2, loss=float("nan"))
    assert [(event["kind"], event["step"]) for event in EventReader(path).read()] == [
        ("train", 1),
        ("train", 2),
        ("notice", 2),
    ]


def test_an_incomplete_line_is_ended_even_if_the_next_write_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"t": 1, "step": 2, "ki')

    def full(_file: int, _data: bytes) -> int:
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        log = EventLog(path)
        with pytest.raises(OSError, match="No space left"):
            log.append("train", 3, loss=1.0)
    log.append("train", 3, loss=1.0)
    log.append("train", 4, loss=1.0)
    assert path.read_bytes().count(b"\n") == 3
    assert [event["step"] for event in EventReader(path).read()] == [3, 4]


def test_only_a_live_run_is_paused() -> None:
    paused = Status.of_this_process(state="running", paused="the disk of /x is full")
    assert (paused.label, paused.explanation) == ("paused", "the disk of /x is full")
    ended = paused.model_copy(update={"state": "failed", "reason": "it broke"})
    assert (ended.label, ended.explanation) == ("failed", "it broke")
