"""The terminal and the login session that ftwb was started in."""

from __future__ import annotations

import os
import shutil
import subprocess

from workbench.hardware.check import Check

_SECONDS = 2.0


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
        "connection", "ok", "not in tmux: a lost link ends the workbench, and never the training"
    )


def check_logout() -> Check:
    """Whether systemd ends the worker when its user logs out."""
    if _loginctl("KillUserProcesses") != "yes":
        return Check("logout", "ok", "background workers go on after you log out")
    return Check(
        "logout",
        "warn",
        "logind ends your processes when you log out (KillUserProcesses=yes), workers too",
        "start with 'loginctl enable-linger' and 'systemd-run --user --scope ftwb'",
    )


def _loginctl(manager_property: str) -> str:
    """Ask logind; nothing where there is no systemd."""
    if shutil.which("loginctl") is None:
        return ""
    command = ["loginctl", "show-user", f"--property={manager_property}", "--value"]
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
