"""Nothing in a folder from a stranger leads out of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from workbench.core.contained import ContainedFolder
from workbench.core.errors import MachineError

if TYPE_CHECKING:
    from pathlib import Path

KEPT = "what was there before\n"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "authorized_keys"
    path.write_text(KEPT)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> ContainedFolder:
    (tmp_path / "received").mkdir()
    return ContainedFolder(tmp_path / "received")


def test_files_are_written_appended_to_and_read_back(folder: ContainedFolder) -> None:
    file = folder.path / "deep" / "er" / "log"
    folder.append_line(file, "one")
    folder.append_line(file, "two")
    assert folder.read_lines(file) == [b"one", b"two"]
    assert folder.tail(file, 5) == "two\n"
    folder.write_atomic(file, "three")
    assert (folder.read_text(file), folder.size(file)) == ("three", 5)
    assert folder.names(file.parent) == ["log"]
    assert file.stat().st_mode & 0o077 == 0
    assert folder.remove(file)
    assert not folder.remove(file)
    assert (folder.is_file(file), folder.is_folder(file.parent)) == (False, True)


def test_a_torn_line_is_terminated_before_the_next(folder: ContainedFolder) -> None:
    file = folder.path / "log"
    file.write_text("one\nto")
    folder.append_line(file, "three")
    assert file.read_text() == "one\nto\nthree\n"


def test_nothing_is_there_before_it_is_written(folder: ContainedFolder) -> None:
    missing = folder.path / "none" / "log"
    assert folder.read_lines(missing) == []
    assert folder.tail(missing, 10) == ""
    assert folder.names(missing.parent) == []
    assert folder.size(missing) == 0


@pytest.mark.parametrize("through", ["the file", "its folder"])
def test_no_link_is_followed(folder: ContainedFolder, victim: Path, through: str) -> None:
    file = folder.path / "control" / "authorized_keys"
    if through == "the file":
        file.parent.mkdir()
        file.symlink_to(victim)
    else:
        file.parent.symlink_to(victim.parent)
    for use in (folder.read_bytes, folder.stream, folder.open_to_append, folder.read_lines):
        with pytest.raises(OSError, match="links in a run are never followed"):
            use(file)
    with pytest.raises(OSError, match="links in a run are never followed"):
        folder.open(file, os.O_WRONLY | os.O_TRUNC)
    with pytest.raises(MachineError, match="never followed"):
        folder.append_line(file, "ssh-rsa AAAA")
    assert (folder.is_file(file), folder.size(file)) == (False, 0)
    assert victim.read_text() == KEPT


def test_an_atomic_write_replaces_a_link_and_never_its_target(
    folder: ContainedFolder, victim: Path
) -> None:
    file = folder.path / "status.json"
    file.symlink_to(victim)
    (folder.path / f".status.json.{os.getpid()}").symlink_to(victim)
    folder.write_atomic(file, "new")
    assert (file.read_text(), file.is_symlink(), victim.read_text()) == ("new", False, KEPT)


def test_an_atomic_write_stays_out_of_a_linked_folder(
    folder: ContainedFolder, victim: Path
) -> None:
    (folder.path / "control").symlink_to(victim.parent)
    with pytest.raises(MachineError, match="never followed"):
        folder.write_atomic(folder.path / "control" / "authorized_keys", "ssh-rsa AAAA")
    with pytest.raises(MachineError, match="never followed"):
        folder.create_unique(folder.path / "control", "chat", ".jsonl")
    assert [victim.read_text(), *victim.parent.iterdir()] == [KEPT, victim]


def test_a_link_is_removed_and_never_its_target(folder: ContainedFolder, victim: Path) -> None:
    (folder.path / "stop").symlink_to(victim)
    assert folder.remove(folder.path / "stop")
    assert victim.read_text() == KEPT


def test_a_pipe_blocks_nobody(folder: ContainedFolder) -> None:
    os.mkfifo(folder.path / "events.jsonl")
    with pytest.raises(OSError, match="not a regular file"):
        folder.read_bytes(folder.path / "events.jsonl")


def test_no_name_leads_out(folder: ContainedFolder, victim: Path) -> None:
    with pytest.raises(OSError, match="leads out of its folder"):
        folder.read_bytes(folder.path / ".." / "mine" / victim.name)
    with pytest.raises(ValueError, match="subpath"):
        folder.read_bytes(victim)
