from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest

from workbench.hardware import session
from workbench.hardware.session import check_logout, check_terminal, check_tmux

VARIABLES = ("TERM", "COLORTERM", "LC_ALL", "LC_CTYPE", "LANG", "TMUX", "STY")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("environment", "state", "said"),
    [
        ({}, "warn", "no terminal that can draw"),
        ({"TERM": "dumb"}, "warn", "no terminal that can draw"),
        ({"TERM": "xterm-256color"}, "warn", "without UTF-8"),
        ({"TERM": "xterm-256color", "LANG": "C.UTF-8"}, "ok", "256 colours"),
        ({"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C"}, "warn", "without UTF-8"),
        ({"TERM": "vt100", "LANG": "en_US.utf8"}, "warn", "few colours"),
        ({"TERM": "xterm", "LANG": "en_US.utf8", "COLORTERM": "truecolor"}, "ok", "truecolor"),
    ],
)
def test_the_terminal_must_draw(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], state: str, said: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    check = check_terminal()
    assert check.state == state
    assert said in check.says


def test_tmux_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "not in tmux" in check_tmux().says
    monkeypatch.setenv("TMUX", "default,1,0")
    assert "survives" in check_tmux().says


@pytest.mark.parametrize(("answer", "state"), [("yes\n", "warn"), ("no\n", "ok"), ("", "ok")])
def test_a_logind_that_kills_workers_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, answer: str, state: str
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> SimpleNamespace:
        asked.append(command)
        return SimpleNamespace(stdout=answer)

    monkeypatch.setattr(session.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    assert check_logout().state == state
    assert asked == [["loginctl", "show-user", "--property=KillUserProcesses", "--value"]]


def test_a_logind_that_hangs_or_is_absent_is_no_worry(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(command: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(command, 2)

    monkeypatch.setattr(subprocess, "run", hang)
    monkeypatch.setattr(session.shutil, "which", lambda name: f"/bin/{name}")
    assert check_logout().state == "ok"
    monkeypatch.setattr(session.shutil, "which", lambda _: None)
    assert check_logout().state == "ok"
