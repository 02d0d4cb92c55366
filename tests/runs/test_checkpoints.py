"""A checkpoint is complete or is not mistaken for one."""

from __future__ import annotations

import json
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
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, remove: Callable[..., None]
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
