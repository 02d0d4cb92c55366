"""The terminal and the login session that ftwb was started in."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from pathlib import Path

import psutil

from workbench.hardware.check import Check

_SECONDS = 2.0
_CGROUP = Path("/proc/self/cgroup")
_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))


def check_terminal() -> Check:
    """The terminal can show colours, lines and charts."""
    term = os.environ.get("TERM", "")
    if term in ("", "dumb"):
        return Check(
            "terminal",
            "warn",
            "this is no terminal that can draw, so the workbench cannot start here",
            "log in with a terminal, such as 'ssh -t', or use the commands of 'ftwb --help'",
        )
    if not _speaks_unicode():
        return Check(
            "terminal",
            "warn",
            f"{term} without UTF-8: charts and frames will look broken",
            "set LANG=C.UTF-8",
        )
    if not _has_many_colours(term):
        return Check(
            "terminal",
            "warn",
            f"{term} shows few colours",
            "set TERM=xterm-256color, if your terminal can do it",
        )
    return Check("terminal", "ok", f"{term}, {os.environ.get('COLORTERM') or '256 colours'}, UTF-8")


def check_tmux() -> Check:
    """Whether the screen itself survives a lost connection; the worker always does."""
    if "TMUX" in os.environ or "STY" in os.environ:
        return Check("connection", "ok", "in tmux or screen: the workbench survives a lost link")
    return Check(
        "connection",
        "ok",
        "not in tmux: a lost link ends the workbench; whether runs go on, 'logout' says",
    )


def check_logout() -> Check:
    """Whether the system ends the workers of this session when its user logs out."""
    systemd = _user_manager() if _under_user_manager() else _session_scope()
    warning = _slurm() or _container() or systemd
    return warning or Check("logout", "ok", "background workers go on after you log out")


def _slurm() -> Check | None:
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        return None
    return Check(
        "logout",
        "warn",
        f"this is SLURM job {job}: when it ends, or its time is up, workers end with it",
        "start runs from a job submitted with sbatch that lasts as long as they do",
    )


def _container() -> Check | None:
    """In a container whose first process this session hangs on; one entered by SSH lives on."""
    if not any(mark.exists() for mark in _CONTAINER_MARKS):
        return None
    above = psutil.Process().parents()
    if not any(parent.pid == 1 for parent in above) or "sshd" in {p.name() for p in above}:
        return None
    return Check(
        "logout",
        "warn",
        "this session belongs to the container's first process: leaving it ends the workers too",
        "detach instead of leaving (ctrl-p ctrl-q in Docker), or enter with 'docker exec'",
    )


def _under_user_manager() -> bool:
    return _CGROUP.is_file() and "/user@" in _CGROUP.read_text(encoding="utf-8")


def _user_manager() -> Check | None:
    """Under systemd's manager of the user, which ends with the last session without lingering."""
    if _loginctl("Linger", getpass.getuser()) != "no":
        return None
    return Check(
        "logout",
        "warn",
        "systemd ends your processes when you log out (no lingering), workers too",
        "start with 'loginctl enable-linger'",
    )


def _session_scope() -> Check | None:
    if _loginctl("KillUserProcesses") != "yes":
        return None
    if getpass.getuser() in _loginctl("KillExcludeUsers").split():
        return None
    return Check(
        "logout",
        "warn",
        "logind ends your processes when you log out (KillUserProcesses=yes), workers too",
        "start with 'loginctl enable-linger' and 'systemd-run --user --scope ftwb'",
    )


def _loginctl(what: str, *user: str) -> str:
    """Ask logind about itself or a user; nothing where there is no systemd."""
    if shutil.which("loginctl") is None:
        return ""
    command = ["loginctl", "show-user", *user, f"--property={what}", "--value"]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()


def _speaks_unicode() -> bool:
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    chosen = next((name for name in names if name), "")
    return "utf" in chosen.lower()


def _has_many_colours(term: str) -> bool:
    rich = ("256color", "truecolor", "kitty", "alacritty", "ghostty", "wezterm", "direct")
    return bool(os.environ.get("COLORTERM")) or any(word in term for word in rich)
