"""Checks of the terminal and the login session that ftwb was started in."""

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
    """Whether the terminal can show colours, lines and charts."""
    term = os.environ.get("TERM", "")
    if term in ("", "dumb"):
        return Check(
            "terminal",
            "warn",
            "this terminal cannot draw, so that the workbench cannot start here",
            "log in with a terminal, such as with 'ssh -t', or use the commands of 'ftwb --help'",
        )
    if not _has_utf8():
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
    """Whether the workbench survives a lost connection; workers do, unless 'logout' warns."""
    if "TMUX" in os.environ or "STY" in os.environ:
        return Check(
            "connection", "ok", "in tmux or screen: the workbench survives a lost connection"
        )
    return Check(
        "connection",
        "ok",
        "not in tmux: a lost connection ends the workbench; for runs, see 'logout'",
    )


def check_logout() -> Check:
    """Whether the system kills the workers of this session when the user logs out."""
    systemd = _user_manager() if _under_user_manager() else _session_scope()
    warning = _slurm() or _container() or systemd
    return warning or Check("logout", "ok", "workers continue after you log out")


def _slurm() -> Check | None:
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        return None
    return Check(
        "logout",
        "warn",
        f"this is SLURM job {job}: workers are killed when it ends or its time is up",
        "start runs with sbatch, in a job that lasts as long as they do",
    )


def _container() -> Check | None:
    """Warn in a session below a container's first process; sessions entered by SSH are safe."""
    if not any(mark.exists() for mark in _CONTAINER_MARKS):
        return None
    parents = psutil.Process().parents()
    if not any(parent.pid == 1 for parent in parents) or "sshd" in {p.name() for p in parents}:
        return None
    return Check(
        "logout",
        "warn",
        "this session belongs to the container's first process: leaving it kills workers too",
        "detach instead of leaving (ctrl-p ctrl-q in Docker), or enter with 'docker exec'",
    )


def _user() -> str:
    """The name of this user; the number where there is none, as for a bare uid in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _under_user_manager() -> bool:
    return _CGROUP.is_file() and "/user@" in _CGROUP.read_text(encoding="utf-8")


def _user_manager() -> Check | None:
    """Warn if systemd's user manager ends with the last session, because lingering is off."""
    if _loginctl("Linger", _user()) != "no":
        return None
    return Check(
        "logout",
        "warn",
        "systemd kills your processes when you log out (lingering is off), workers too",
        "run 'loginctl enable-linger' first",
    )


def _session_scope() -> Check | None:
    """Warn if logind kills the processes of a session when it ends."""
    if _loginctl("KillUserProcesses") != "yes":
        return None
    if _user() in _loginctl("KillExcludeUsers").split():
        return None
    return Check(
        "logout",
        "warn",
        "logind kills your processes when you log out (KillUserProcesses=yes), workers too",
        "run 'loginctl enable-linger', then start with 'systemd-run --user --scope ftwb'",
    )


def _loginctl(name: str, *user: str) -> str:
    """A property of logind or of a user; empty without systemd."""
    if shutil.which("loginctl") is None:
        return ""
    command = ["loginctl", "show-user", *user, f"--property={name}", "--value"]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip()


def _has_utf8() -> bool:
    locales = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    locale = next((name for name in locales if name), "")
    return "utf" in locale.lower()


def _has_many_colours(term: str) -> bool:
    terminals = ("256color", "truecolor", "kitty", "alacritty", "ghostty", "wezterm", "direct")
    return bool(os.environ.get("COLORTERM")) or any(name in term for name in terminals)
