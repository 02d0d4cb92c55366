"""Files are whole or absent, and the end of a long one is read without the rest."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from workbench.core import files
from workbench.core.errors import MachineError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_replaced_and_private(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_text("old")
    files.write_atomic(path, "new ü")
    assert path.read_text(encoding="utf-8") == "new ü"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "status.json"
    path.write_text("old")

    def fail(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(MachineError, match="cannot be written: No space left on device"):
        files.write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_torn_line_is_terminated_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "log.jsonl"
    files.append_line(path, "one")
    with path.open("a") as stream:
        stream.write("to")
    files.append_line(path, "three")
    assert path.read_text() == "one\nto\nthree\n"


def test_a_taken_name_gets_a_number(tmp_path: Path) -> None:
    names = [files.create_unique(tmp_path / "new", "copy", ".txt").name for _ in range(3)]
    assert names == ["copy.txt", "copy-2.txt", "copy-3.txt"]


def test_a_file_in_the_place_of_the_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match="file: is not a folder"):
        files.create_unique(tmp_path / "file", "copy", ".txt")


def test_folders_are_replaced_and_removed_whole(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    for content in ("first", "second"):
        draft = tmp_path / ".draft"
        draft.mkdir()
        (draft / content).touch()
        files.replace_folder(draft, folder)
    assert [path.name for path in folder.iterdir()] == ["second"]
    files.remove_folder(folder)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("size", "expected"),
    [(100, "one\ntwo ü\nthree\n"), (10, "three\n"), (6, "three\n"), (3, "ee\n"), (0, "")],
)
def test_the_tail_is_made_of_whole_lines(tmp_path: Path, size: int, expected: str) -> None:
    path = tmp_path / "worker.log"
    path.write_text("one\ntwo ü\nthree\n", encoding="utf-8")
    assert files.tail(path, size) == expected


def test_a_missing_file_has_no_tail(tmp_path: Path) -> None:
    assert files.tail(tmp_path / "worker.log", 100) == ""
