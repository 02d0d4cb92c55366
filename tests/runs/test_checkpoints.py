"""A checkpoint is complete or is not mistaken for one."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING

import pytest

from workbench.core.errors import NotFoundError
from workbench.recipe.recipe import Recipe
from workbench.runs import checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder, Runs


@pytest.fixture
def run(runs: Runs) -> RunFolder:
    return runs.create(Recipe())


def write(run: RunFolder, step: int, text: str = "weights") -> None:
    with checkpoints.draft(run, step) as folder:
        (folder / "adapter").mkdir()
        (folder / "adapter" / "weights").write_text(f"{text} {step}")
        (folder / "state").write_text("")


def test_a_checkpoint_is_sealed_with_every_file(run: RunFolder) -> None:
    write(run, 3)
    folder = checkpoints.folder_of(run, 3)
    assert sorted(json.loads((folder / "manifest.json").read_text())) == [
        "adapter/weights",
        "state",
    ]
    assert checkpoints.fault(folder) == ""
    (folder / "report.json").write_text("written later")
    assert checkpoints.fault(folder) == ""
    assert [path.name for path in run.checkpoints.iterdir()] == ["step-3"]


def test_a_failed_write_keeps_the_old_checkpoint(run: RunFolder) -> None:
    write(run, 3)
    with pytest.raises(FileNotFoundError), checkpoints.draft(run, 3) as folder:
        (folder / "no" / "state").write_text("half")
    assert checkpoints.fault(checkpoints.folder_of(run, 3)) == ""
    assert checkpoints.steps(run) == [3]


def test_a_draft_left_by_a_power_cut_is_ignored_and_removed(run: RunFolder) -> None:
    left = run.checkpoints / ".step-5.new"
    left.mkdir(parents=True)
    (left / "state").write_text("half")
    assert checkpoints.steps(run) == []
    write(run, 6)
    assert not left.exists()


def test_a_checkpoint_of_the_same_step_is_replaced(run: RunFolder) -> None:
    write(run, 3)
    write(run, 3, "others")
    folder = checkpoints.folder_of(run, 3)
    assert (folder / "adapter" / "weights").read_text() == "others 3"
    assert checkpoints.choose(run) == (3, folder, ())


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("adapter/weights", "adapter/weights was changed after it was written"),
        ("manifest.json", "manifest.json cannot be read"),
    ],
)
def test_a_damaged_file_is_named(run: RunFolder, name: str, fault: str) -> None:
    write(run, 3)
    folder = checkpoints.folder_of(run, 3)
    (folder / name).write_text("[")
    assert checkpoints.fault(folder) == fault
    (folder / name).unlink()
    assert checkpoints.fault(folder) == f"{name.rpartition('/')[2]} is missing"


def test_the_newest_intact_one_is_chosen(run: RunFolder) -> None:
    for step in (2, 10, 9):
        write(run, step)
    assert checkpoints.steps(run) == [10, 9, 2]
    (checkpoints.folder_of(run, 10) / "state").unlink()
    choice = checkpoints.choose(run)
    assert choice.step == 9
    assert choice.broken == ("the checkpoint of step 10 is broken: state is missing",)
    with pytest.raises(NotFoundError, match="no checkpoint of step 7; there are 10, 9, 2"):
        checkpoints.choose(run, 7)


def test_pruning_keeps_the_newest_and_the_named(run: RunFolder) -> None:
    for step in range(1, 7):
        write(run, step)
    checkpoints.prune(run, 2, {3})
    assert checkpoints.steps(run) == [6, 5, 3]
    checkpoints.remove_after(run, 4)
    assert checkpoints.steps(run) == [3]


@pytest.mark.parametrize("remove", [checkpoints.remove_after, checkpoints.prune])
def test_a_partly_removed_checkpoint_is_never_visible(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, remove: Callable[..., tuple[str, ...]]
) -> None:
    for step in (1, 2):
        write(run, step)

    def die(folder: Path, **_: object) -> None:
        if folder.exists():
            (folder / "state").unlink()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.shutil, "rmtree", die)
        with pytest.raises(KeyboardInterrupt):
            remove(run, *((0,) if remove is checkpoints.remove_after else (0, ())))
    (left,) = checkpoints.steps(run)
    assert checkpoints.fault(checkpoints.folder_of(run, left)) == ""
    write(run, 3)
    assert [path.name for path in run.checkpoints.glob(".step-*")] == []


FOREIGN = (
    "step-50.bak",
    "step-50 (copy)",
    "step-²",
    "step-٣",
    "step-007",
    "step-0",
    "step--1",
    "step-",
    "step-1e3",
    "Step-9",
    "step-9\n",
    ".step-9.new.bak",
    "step-" + "9" * 200,
    "notes.txt",
)


@pytest.mark.parametrize("name", FOREIGN)
def test_names_that_are_not_exactly_ours_are_ignored(run: RunFolder, name: str) -> None:
    for step in (1, 2, 3):
        write(run, step)
    foreign = run.checkpoints / name
    foreign.mkdir()
    (foreign / "state").touch()
    assert checkpoints.steps(run) == [3, 2, 1]
    assert checkpoints.choose(run).step == 3
    assert checkpoints.prune(run, 1, ()) == ()
    write(run, 4)
    assert checkpoints.remove_after(run, 3) == ()
    assert checkpoints.steps(run) == [3]
    assert (foreign / "state").exists()
    assert not checkpoints.is_ours(name)


def test_a_file_or_a_link_with_the_name_of_a_checkpoint_is_none(
    run: RunFolder, tmp_path: Path
) -> None:
    write(run, 3)
    (run.checkpoints / "step-8").touch()
    (run.checkpoints / "step-9").symlink_to(tmp_path)
    assert checkpoints.steps(run) == [3]


def test_an_old_checkpoint_that_cannot_be_removed_is_a_notice(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (1, 2, 3):
        write(run, step)

    def refuse(folder: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr(checkpoints.files, "remove_folder", refuse)
    assert checkpoints.prune(run, 1, {2}) == (
        "the old checkpoint of step 1 cannot be removed: Permission denied",
    )
    assert len(checkpoints.remove_after(run, 1)) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may remove everything")
def test_an_old_checkpoint_in_a_locked_folder_is_a_notice(run: RunFolder) -> None:
    for step in (1, 2):
        write(run, step)
    checkpoints.folder_of(run, 1).chmod(0o500)
    (fault,) = checkpoints.prune(run, 1, ())
    assert "step 1 cannot be removed" in fault
    assert checkpoints.steps(run) == [2]


def test_a_leftover_that_is_a_link_is_left_alone(run: RunFolder, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    run.checkpoints.mkdir()
    (run.checkpoints / ".step-5.old").symlink_to(kept)
    write(run, 6)
    assert checkpoints.steps(run) == [6]
    assert (kept / "file").exists()
