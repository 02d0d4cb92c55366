"""Terminals that cannot draw, and systems that kill workers at logout."""

from __future__ import annotations

import getpass
import shutil
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil
import pytest

from workbench.hardware import session
from workbench.hardware.session import check_logout, check_terminal, check_tmux

if TYPE_CHECKING:
    from pathlib import Path

VARIABLES = ("SLURM_JOB_ID", "TERM", "COLORTERM", "LC_ALL", "LC_CTYPE", "LANG", "TMUX", "STY")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(session, "_CONTAINER_MARKS", ())


@pytest.mark.parametrize(
    ("environment", "state", "message"),
    [
        ({}, "warn", "this terminal cannot draw"),
        ({"TERM": "dumb"}, "warn", "this terminal cannot draw"),
        ({"TERM": "xterm-256color"}, "warn", "without UTF-8"),
        ({"TERM": "xterm-256color", "LANG": "C.UTF-8"}, "ok", "256 colours"),
        ({"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C"}, "warn", "without UTF-8"),
        ({"TERM": "vt100", "LANG": "en_US.utf8"}, "warn", "few colours"),
        ({"TERM": "xterm", "LANG": "en_US.utf8", "COLORTERM": "truecolor"}, "ok", "truecolor"),
    ],
)
def test_the_terminal_must_draw(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], state: str, message: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    check = check_terminal()
    assert check.state == state
    assert message in check.message


def test_tmux_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "not in tmux" in check_tmux().message
    monkeypatch.setenv("TMUX", "default,1,0")
    assert "survives" in check_tmux().message


@pytest.fixture
def logind(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What logind answers, by property; the user is called ``ada``."""
    answers: dict[str, str] = {}

    def run(command: list[str], **_: object) -> SimpleNamespace:
        (name,) = (word.partition("=")[2] for word in command if word.startswith("--property="))
        assert ("ada" in command) == (name == "Linger")
        return SimpleNamespace(stdout=f"{answers.get(name, '')}\n")

    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    monkeypatch.setattr(subprocess, "run", run)
    return answers


@pytest.fixture
def cgroup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "cgroup"
    path.write_text("0::/user.slice/user-1000.slice/session-3.scope\n")
    monkeypatch.setattr(session, "_CGROUP", path)
    return path


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ({"KillUserProcesses": "yes"}, "warn"),
        ({"KillUserProcesses": "yes", "Linger": "yes"}, "warn"),
        ({"KillUserProcesses": "yes", "KillExcludeUsers": "root ada"}, "ok"),
        ({"KillUserProcesses": "no", "Linger": "no"}, "ok"),
        ({}, "ok"),
    ],
)
def test_a_logind_that_kills_workers_is_a_warning(
    logind: dict[str, str], cgroup: Path, answers: dict[str, str], state: str
) -> None:
    assert cgroup.is_file()
    logind.update(answers)
    assert check_logout().state == state


@pytest.mark.parametrize(("linger", "state"), [("no", "warn"), ("yes", "ok"), ("", "ok")])
def test_the_user_manager_survives_only_with_lingering(
    logind: dict[str, str], cgroup: Path, linger: str, state: str
) -> None:
    cgroup.write_text("0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope\n")
    logind.update({"Linger": linger, "KillUserProcesses": "yes"})
    assert check_logout().state == state


def test_a_slurm_job_ends_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    check = check_logout()
    assert check.state == "warn"
    assert "SLURM job 77" in check.message
    assert "sbatch" in check.remedy


@pytest.mark.parametrize(
    ("above", "state"),
    [
        ([(7, "bash"), (1, "bash")], "warn"),
        ([(7, "bash"), (5, "sshd"), (1, "start.sh")], "ok"),
        ([(7, "bash")], "ok"),
    ],
)
def test_a_containers_own_session_ends_its_workers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, above: list[tuple[int, str]], state: str
) -> None:
    processes = [SimpleNamespace(pid=pid, name=lambda name=name: name) for pid, name in above]
    process = SimpleNamespace(parents=lambda: processes)
    monkeypatch.setattr(psutil, "Process", lambda: process)
    monkeypatch.setattr(session, "_CONTAINER_MARKS", (tmp_path / "dockerenv",))
    assert check_logout().state == "ok"
    (tmp_path / "dockerenv").touch()
    assert check_logout().state == state


def test_a_hanging_or_absent_logind_is_ok(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(command: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(command, 2)

    monkeypatch.setattr(subprocess, "run", hang)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    assert check_logout().state == "ok"
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert check_logout().state == "ok"
