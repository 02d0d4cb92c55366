"""Run folders are created completely, found again, and report dead workers."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from workbench.core.errors import BadInputError, MachineError, NotFoundError
from workbench.recipe.recipe import Recipe
from workbench.runs import control
from workbench.runs.folder import Runs
from workbench.runs.launch import launch
from workbench.runs.process import process_identity
from workbench.runs.status import Status

if TYPE_CHECKING:
    from pathlib import Path


def test_a_new_run_contains_its_recipe_and_is_queued(runs: Runs) -> None:
    recipe = Recipe(name="support")
    run = runs.create(recipe)
    assert run.id.endswith("-support")
    assert run.recipe() == recipe
    assert run.status().state == "queued"
    assert run.path.stat().st_mode & 0o077 == 0


def test_two_runs_in_one_second_do_not_collide(runs: Runs) -> None:
    made = {runs.create(Recipe(name="same")).id for _ in range(3)}
    assert {run.id for run in runs.list()} == made
    assert len(made) == 3


def test_no_disk_space_leaves_nothing_behind(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil._ntuple_diskusage(10**9, 10**9, 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
    with pytest.raises(MachineError, match="no disk space"):
        runs.create(Recipe())
    assert list(runs.root.iterdir()) == []


def test_a_failed_creation_leaves_nothing_behind(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: Status, _path: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Status, "save", fail)
    with pytest.raises(MachineError, match="No space left on device"):
        runs.create(Recipe())
    assert list(runs.root.iterdir()) == []


def test_runs_are_found_by_id_part_and_last(runs: Runs) -> None:
    first, second = runs.create(Recipe(name="one")), runs.create(Recipe(name="two"))
    assert runs.find(first.id) == first
    assert runs.find("two") == second
    assert runs.find("last") == runs.list()[0]
    with pytest.raises(NotFoundError, match="nope: no such run"):
        runs.find("nope")
    with pytest.raises(BadInputError, match="2 runs match"):
        runs.find(first.id[:4])


def test_an_empty_name_finds_nothing(runs: Runs) -> None:
    runs.create(Recipe(name="one"))
    runs.create(Recipe(name="two"))
    with pytest.raises(BadInputError):
        runs.find("")


@pytest.mark.parametrize(
    ("names", "result"),
    [
        ((), False),
        (("adapter_config.json",), False),
        (("adapter_config.json", "adapter_model.safetensors"), True),
        (("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"), True),
    ],
)
def test_only_weights_count_as_a_result(runs: Runs, names: tuple[str, ...], result: bool) -> None:
    run = runs.create(Recipe())
    assert not run.has_result()
    run.model.mkdir()
    for name in names:
        (run.model / name).touch()
    assert run.has_result() == result


def test_a_dead_worker_makes_the_run_lost(runs: Runs) -> None:
    run = runs.create(Recipe())
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    status = Status.of_this_process(state="running").model_copy(
        update={"pid": child.pid, "process": process_identity(child.pid)}
    )
    status.save(run.status_file)
    assert run.status().state == "running"
    child.kill()
    child.wait()
    assert run.status().state == "lost"
    assert str(child.pid) in run.status().reason


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process_identity(child.pid) is None
    child.wait()


def test_a_reused_pid_is_not_mistaken_for_the_worker(runs: Runs) -> None:
    run = runs.create(Recipe())
    Status.of_this_process(state="running", process="another boot:12345").save(run.status_file)
    assert run.status().state == "lost"


def test_a_silent_worker_on_another_host_is_lost(runs: Runs) -> None:
    run = runs.create(Recipe())
    elsewhere = Status.of_this_process(state="running", host=f"not-{socket.gethostname()}")
    elsewhere.save(run.status_file)
    assert run.status().state == "running"
    elsewhere.model_copy(update={"heartbeat": 1.0}).save(run.status_file)
    assert run.status().state == "lost"


def test_requests_are_consumed_once(runs: Runs) -> None:
    run = runs.create(Recipe())
    Status.of_this_process(state="running").save(run.status_file)
    control.send_request(run, "stop")
    control.send_request(run, "evaluate")
    assert control.take_requests(run) == ["stop", "evaluate"]
    assert control.take_requests(run) == []


def test_a_finished_run_refuses_requests(runs: Runs) -> None:
    run = runs.create(Recipe())
    Status.of_this_process(state="finished").save(run.status_file)
    with pytest.raises(BadInputError, match="is finished: there is no worker to stop"):
        control.send_request(run, "stop")


def test_a_run_whose_worker_cannot_be_started_has_failed(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.create(Recipe())
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(MachineError, match="cannot be started"):
        launch(run)
    assert run.status().state == "failed"
    assert "cannot be started" in run.status().reason


def test_a_worker_dead_before_it_was_named_is_lost(runs: Runs) -> None:
    run = runs.create(Recipe())
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    Status.of_process(child.pid, state="starting", process=None).save(run.status_file)
    assert run.status().state == "lost"


def test_a_run_that_never_got_a_worker_is_lost_after_a_while(runs: Runs) -> None:
    run = runs.create(Recipe())
    assert run.status().state == "queued"
    run.status().model_copy(update={"created": 1.0}).save(run.status_file)
    assert run.status().state == "lost"


@pytest.mark.slow
def test_nothing_in_a_run_folder_is_imported_by_its_worker(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.create(Recipe.model_validate({"data": {"train": "nowhere.jsonl"}}))
    (run.path / "queue.py").write_text("open('was-imported', 'w')")
    monkeypatch.chdir(run.path)
    os.waitpid(launch(run), 0)
    assert not (run.path / "was-imported").exists()
    assert run.status().state == "failed"


@pytest.mark.parametrize("name", ["../outside", "..", "/etc", "a/../../outside", "."])
def test_no_name_leads_out_of_the_runs(runs: Runs, name: str) -> None:
    outside = Runs(runs.root.parent / "outside").create(Recipe())
    runs.create(Recipe(name="one"))
    runs.create(Recipe(name="two"))
    with pytest.raises(BadInputError):
        runs.find(name)
    assert outside.status_file.exists()


def test_a_link_to_a_run_elsewhere_is_ignored(runs: Runs) -> None:
    outside = Runs(runs.root.parent / "outside").create(Recipe(name="linked"))
    here = runs.create(Recipe(name="here"))
    (runs.root / "20990101-000000-linked").symlink_to(outside.path)
    assert runs.list() == [here]
    with pytest.raises(NotFoundError):
        runs.find("linked")


def test_nobody_else_can_read_a_new_run(runs: Runs) -> None:
    before = os.umask(0)
    try:
        run = runs.create(Recipe())
    finally:
        os.umask(before)
    inside = [run.path, *run.path.rglob("*")]
    assert len(inside) >= 5
    assert [path.name for path in inside if path.stat().st_mode & 0o077] == []


def test_a_recipe_with_a_token_is_refused(runs: Runs) -> None:
    token = "hf_" + "q7R" * 12
    with pytest.raises(BadInputError, match="contains an access token") as caught:
        runs.create(Recipe(description=f"with {token}"))
    assert token not in str(caught.value)
    assert runs.list() == []


@pytest.mark.slow
def test_a_worker_writes_privately_and_does_not_name_the_home_folder(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "users" / "ada"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    run = runs.create(Recipe.model_validate({"data": {"train": f"{home}/nowhere.jsonl"}}))
    before = os.umask(0)
    try:
        os.waitpid(launch(run), 0)
    finally:
        os.umask(before)
    assert "~/nowhere.jsonl: no such file" in run.status().reason
    for file in (run.log, run.events, run.status_file):
        assert str(home) not in file.read_text()
        assert file.stat().st_mode & 0o077 == 0
    assert "~/nowhere.jsonl" in run.log.read_text()
