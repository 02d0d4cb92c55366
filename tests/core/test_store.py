"""Cached folders are built once, whole or not at all."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from workbench.core.errors import BadInputError, MachineError
from workbench.core.store import build_once, is_complete

if TYPE_CHECKING:
    from pathlib import Path


def fill(folder: Path) -> None:
    (folder / "weights").write_bytes(b"12345")


def test_it_is_built_once(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    built = []

    def build(folder: Path) -> None:
        built.append(folder)
        fill(folder)

    assert not is_complete(target)
    assert build_once(target, build) == build_once(target, build) == target
    assert len(built) == 1
    assert is_complete(target)
    assert (target / "weights").read_bytes() == b"12345"


def test_a_truncated_file_is_rebuilt(tmp_path: Path) -> None:
    target = build_once(tmp_path / "model", fill)
    (target / "weights").write_bytes(b"123")
    assert not is_complete(target)
    build_once(target, fill)
    assert (target / "weights").read_bytes() == b"12345"


def test_a_folder_without_a_manifest_is_rebuilt(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "half").touch()
    build_once(target, fill)
    assert not (target / "half").exists()


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        fill(folder)
        raise BadInputError("no")

    with pytest.raises(BadInputError):
        build_once(tmp_path / "models" / "model", fail)
    assert [path for path in (tmp_path / "models").iterdir() if path.is_dir()] == []


def test_leftovers_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    leftover = tmp_path / ".building-model-abc"
    leftover.mkdir()
    build_once(tmp_path / "model", fill)
    assert not leftover.exists()


def test_a_second_process_waits_for_the_first(tmp_path: Path) -> None:
    started, waiting = Event(), Event()
    built = []

    def slowly(folder: Path) -> None:
        built.append(1)
        started.set()
        assert waiting.wait(30)
        fill(folder)

    first = Thread(target=build_once, args=(tmp_path / "model", slowly))
    first.start()
    assert started.wait(30)
    build_once(tmp_path / "model", slowly, lambda *_: waiting.set())
    first.join()
    assert built == [1]
    assert is_complete(tmp_path / "model")


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match=r"file/model: cannot be written"):
        build_once(tmp_path / "file" / "model", fill)
