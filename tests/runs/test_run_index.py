"""The list of runs: read often, so that what cannot change is read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.scripted import make_run, set_state, write_steps
from workbench.runs.run_index import RunIndex, last_loss

if TYPE_CHECKING:
    from workbench.runs.folder import Runs


def test_a_run_that_ended_is_read_once(runs: Runs) -> None:
    run = make_run(runs)
    write_steps(run, 1, 3)
    set_state(run, "finished", step=3, total=3)
    listing = RunIndex(runs.root)
    (first,) = listing.read()
    run.recipe_file.write_text("no recipe any more")
    assert listing.read() == (first,)
    assert first.loss == pytest.approx(2.94)


def test_the_last_loss_is_found_in_the_tail(runs: Runs) -> None:
    run = make_run(runs)
    assert last_loss(run) is None
    write_steps(run, 1, 400, total=400)
    assert last_loss(run) == pytest.approx(3.0 - 400 / 50)


def test_a_recipe_that_cannot_be_read_does_not_hide_the_run(runs: Runs) -> None:
    run = make_run(runs)
    run.recipe_file.write_text("[broken")
    (row,) = RunIndex(runs.root).read()
    assert (row.name, row.model, row.error) == (run.id, "", "recipe.yaml is not YAML")


def test_a_run_that_changed_on_disk_is_read_again(runs: Runs) -> None:
    run = make_run(runs)
    set_state(run, "stopped")
    listing = RunIndex(runs.root)
    assert [row.status.state for row in listing.read()] == ["stopped"]
    set_state(run, "running", step=3, total=9)
    assert [row.status.step for row in listing.read()] == [3]
    set_state(run, "finished")
    assert [row.snapshot.has_report for row in listing.read()] == [False]
    run.report.write_text("{}")
    assert [row.snapshot.has_report for row in listing.read()] == [True]


def test_a_folder_that_is_no_checkpoint_hides_no_run(runs: Runs) -> None:
    run = make_run(runs)
    set_state(run, "failed")
    for name in ("step-7", "step-7-copy", "step-"):
        (run.checkpoints / name).mkdir(parents=True)
    (row,) = RunIndex(runs.root).read()
    assert row.snapshot.resumable_step == 7
