"""A run folder from a colleague: no link in it makes ftwb read or write a file of the user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from workbench.chat.protocol import Source
from workbench.chat.sources import folder_of
from workbench.cli.root import ftwb
from workbench.core.errors import BadInputError, FtwbError
from workbench.recipe.recipe import Recipe
from workbench.runs import control
from workbench.runs.events import EventLog
from workbench.runs.launch import launch
from workbench.runs.links import first_link, require_no_links
from workbench.runs.run_lock import locked
from workbench.runs.status import Status
from workbench.training.reporting.reporter import Reporter

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder, Runs

KEPT = "ssh-ed25519 AAAA owner@laptop\n"
FILES = (
    ".lock",
    ".reserve",
    "benchmarks.log",
    "chat.log",
    "dtypes.json",
    "events.jsonl",
    "origin.json",
    "recipe.yaml",
    "report.json",
    "status.json",
    "template.json",
    "tokens.json",
    "tuned/fingerprint.safetensors",
    "worker.log",
    "checkpoints/best.safetensors",
    "checkpoints/step-5/manifest.json",
    "base/results.json",
    "model/adapter_model.safetensors",
    "chats/annotations.jsonl",
    "control/stop",
)
FOLDERS = ("base", "chats", "checkpoints", "checkpoints/step-5", "control", "model")


@pytest.fixture
def run(runs: Runs) -> RunFolder:
    return runs.create(Recipe(name="received"))


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "ssh" / "authorized_keys"
    path.parent.mkdir()
    path.write_text(KEPT)
    return path


def replace_by_link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


@pytest.mark.parametrize("name", [*FILES, *FOLDERS])
def test_a_run_with_a_link_is_refused_by_name(
    runs: Runs, run: RunFolder, victim: Path, name: str
) -> None:
    replace_by_link(run.path / name, victim if name in FILES else victim.parent)
    assert first_link(run) == name
    refused = f"{run.id}: {name} is a link to {victim.parent}"
    for act in (
        lambda: runs.find("last"),
        lambda: launch(run),
        lambda: require_no_links(run),
        lambda: folder_of(Source(lane="tuned", run=str(run.path))),
    ):
        with pytest.raises(BadInputError) as caught:
            act()
        assert str(caught.value).startswith(refused)
    assert (victim.read_text(), [*victim.parent.iterdir()]) == (KEPT, [victim])


@pytest.mark.parametrize("name", ["notes", "plots", "checkpoints/step-50.bak", "wandb"])
def test_links_of_the_user_where_nothing_is_written_do_not_matter(
    runs: Runs, run: RunFolder, victim: Path, name: str
) -> None:
    replace_by_link(run.path / name, victim.parent)
    assert first_link(run) == ""
    assert runs.find("last") == run


def test_every_writer_leaves_the_target_of_a_link_alone(run: RunFolder, victim: Path) -> None:
    for name in (".lock", ".reserve", "events.jsonl", "worker.log"):
        replace_by_link(run.path / name, victim)
    replace_by_link(run.control, victim.parent)

    def take_over() -> None:
        with locked(run):
            pass

    for write in (
        take_over,
        lambda: EventLog(run.events),
        lambda: Reporter(run),
        lambda: control.send_request(run, "stop"),
        lambda: os.close(run.files.open_to_append(run.log)),
    ):
        with pytest.raises((OSError, FtwbError)):
            write()
    assert (victim.read_text(), [*victim.parent.iterdir()]) == (KEPT, [victim])


def test_the_reserve_never_goes_through_a_link(run: RunFolder, victim: Path) -> None:
    replace_by_link(run.path / ".reserve", victim)
    Reporter(run).end("failed", "a test")
    assert victim.read_text() == KEPT


@pytest.mark.slow
def test_a_worker_refuses_a_run_with_a_link(run: RunFolder, victim: Path) -> None:
    replace_by_link(run.events, victim)
    command = [sys.executable, "-m", "workbench.training", str(run.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "events.jsonl is a link" in done.stderr
    assert victim.read_text() == KEPT


def test_what_a_link_points_at_is_not_shown(runs: Runs, run: RunFolder, victim: Path) -> None:
    Status.of_this_process(state="failed", reason="why").save(run.status_file)
    for name in ("worker.log", "recipe.yaml", "events.jsonl", "report.json"):
        replace_by_link(run.path / name, victim)
    for command in (["runs"], ["runs", "--json"], ["show", "last"], ["report", "last"]):
        done = CliRunner().invoke(ftwb, ["--runs-dir", str(runs.root), *command])
        assert "AAAA" not in done.output
