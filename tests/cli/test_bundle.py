"""The bundle for a bug report holds what helps, and nothing that is private."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.tui.scripted import make_run, set_state, write_steps
from workbench.cli.root import ftwb
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
    """A home folder, and a doctor who has seen it."""
    folder = tmp_path / "users" / "ada"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    found = Check("disk", "fail", f"1 GiB free at {folder}/runs")
    monkeypatch.setattr(doctor, "examine", lambda _: iter([found]))
    return folder


@pytest.fixture
def run(runs: Runs, home: Path) -> RunFolder:
    """A run that failed, with a token and a home path wherever text can be."""
    made = make_run(runs, data={"train": f"{home}/rows.jsonl"})
    write_steps(made, 1, 300)
    log = EventLog(made.events)
    log.append("canary", 300, name=PRIVATE_WORDS, value=PRIVATE_WORDS)
    log.append("error", 300, text=f"cannot read {home}/rows.jsonl with {TOKEN}")
    log.close()
    made.log.write_text(f"first\nFile '{home}/x.py', token {TOKEN}\n")
    set_state(made, "failed", reason=f"no {home}/rows.jsonl")
    return made


def bundle(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(ftwb, ["doctor", "--bundle", str(path), *arguments])


def test_it_holds_what_helps_and_prints_it(run: RunFolder, tmp_path: Path) -> None:
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


def test_without_a_run_the_machine_is_told(tmp_path: Path) -> None:
    result = bundle(tmp_path / "b.zip", "--json")
    told = json.loads(result.stdout)
    assert told["run"] is None
    assert set(told["bytes"]) == {"doctor.json", "versions.txt"}


@pytest.mark.usefixtures("run")
def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_text("mine")
    result = bundle(tmp_path / "b.zip")
    assert result.exit_code == 2 or "already exists" in str(result.exception)
    assert (tmp_path / "b.zip").read_text() == "mine"


def test_a_run_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert "no such run" in str(bundle(tmp_path / "b.zip", "--run", "nope").exception)
    assert not (tmp_path / "b.zip").exists()
