"""The bundle for a bug report contains what helps, and nothing private."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.tui.scripted import make_run, set_state, write_steps
from workbench.cli.root import ftwb
from workbench.core import log
from workbench.hardware import doctor
from workbench.hardware.check import Check
from workbench.runs.events import EventLog

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from workbench.runs.folder import RunFolder, Runs

TOKEN = "hf_" + "Zz9" * 12
PRIVATE_WORDS = "my landlord owes me money"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home folder that appears in a check of the machine."""
    folder = tmp_path / "users" / "ada"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    check = Check("disk", "fail", f"1 GiB free at {folder}/runs")
    monkeypatch.setattr(doctor, "examine", lambda _: iter([check]))
    return folder


@pytest.fixture
def run(runs: Runs, home: Path) -> RunFolder:
    """A run that failed, with a token and a home path in every text."""
    run = make_run(runs, data={"train": f"{home}/rows.jsonl"})
    write_steps(run, 1, 300)
    events = EventLog(run.events)
    events.append("canary", 300, name=PRIVATE_WORDS, value=PRIVATE_WORDS)
    events.append("error", 300, text=f"cannot read {home}/rows.jsonl with {TOKEN}")
    events.close()
    run.log.write_text(f"first\nFile '{home}/x.py', token {TOKEN}\n")
    set_state(run, "failed", reason=f"no {home}/rows.jsonl")
    return run


def bundle(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(ftwb, ["doctor", "--bundle", str(path), *arguments])


def test_it_contains_what_helps_and_lists_it(run: RunFolder, tmp_path: Path) -> None:
    result = bundle(tmp_path / "b.zip")
    assert result.exit_code == 0, result.output
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    for name in parts:
        assert name in result.stdout
    assert sorted(parts) == [
        "doctor.json",
        "events.jsonl",
        "recipe.yaml",
        "status.json",
        "versions.txt",
        "worker.log",
    ]
    events = [json.loads(line) for line in parts["events.jsonl"].splitlines()]
    assert len(events) == 500
    assert events[-1]["text"] == "cannot read ~/rows.jsonl with <token>"
    assert parts["worker.log"] == "first\nFile '~/x.py', token <token>\n"
    assert "train: ~/rows.jsonl" in parts["recipe.yaml"]
    assert json.loads(parts["status.json"])["reason"] == "no ~/rows.jsonl"
    assert "torch==" in parts["versions.txt"]
    assert run.id in result.stderr


@pytest.mark.usefixtures("run")
def test_nothing_private_is_in_it(tmp_path: Path, home: Path) -> None:
    bundle(tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        whole = "".join(archive.read(name).decode() for name in archive.namelist())
    assert TOKEN not in whole
    assert str(home) not in whole
    assert PRIVATE_WORDS not in whole
    assert (tmp_path / "b.zip").stat().st_mode & 0o077 == 0


def test_without_a_run_it_describes_the_machine(tmp_path: Path) -> None:
    result = bundle(tmp_path / "b.zip", "--json")
    summary = json.loads(result.stdout)
    assert summary["run"] is None
    assert set(summary["bytes"]) == {"doctor.json", "versions.txt"}


def test_the_error_log_of_the_workbench_is_in_it(tmp_path: Path, home: Path) -> None:
    log.write_error(OSError(f"{home}/rows.jsonl with {TOKEN}"), "reading the list of runs")
    bundle(tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        text = archive.read("ftwb.log").decode()
    assert "reading the list of runs" in text
    assert "OSError: ~/rows.jsonl with <token>" in text


def test_a_short_event_log_is_in_it_from_its_first_line(runs: Runs, tmp_path: Path) -> None:
    write_steps(make_run(runs), 1, 2)
    bundle(tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        events = archive.read("events.jsonl").decode().splitlines()
    steps = [(json.loads(line)["kind"], json.loads(line)["step"]) for line in events]
    assert steps == [("train", 1), ("memory", 1), ("train", 2), ("memory", 2)]


@pytest.mark.usefixtures("run")
def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_text("mine")
    result = bundle(tmp_path / "b.zip")
    assert result.exit_code == 2 or "already exists" in str(result.exception)
    assert (tmp_path / "b.zip").read_text() == "mine"


def test_an_unknown_run_is_an_error(tmp_path: Path) -> None:
    assert "no such run" in str(bundle(tmp_path / "b.zip", "--run", "nope").exception)
    assert not (tmp_path / "b.zip").exists()
