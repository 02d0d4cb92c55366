"""Copying out of a terminal that may be remote, and reporting where the copy went."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

from textual import work
from textual.app import App

from workbench.core import files, locations
from workbench.tui.base import ReportsErrors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_OSC52_BYTES = 74_994
"""Longest text sent by OSC 52; terminals cut or drop longer ones."""
_TMUX_TIMEOUT = 3.0
"""Seconds to wait for tmux, whose server may hang."""
_WITHOUT_OSC52 = ("linux", "dumb", "vt100", "vt220")
"""Values of ``TERM`` for terminals without OSC 52."""


class CopyingApp(App[None], ReportsErrors):
    """An app whose copies reach the user: those of all screens and input fields go through here."""

    def __init__(self) -> None:
        super().__init__()
        self._copied = ""

    @property
    def clipboard(self) -> str:
        """The text copied last, for pasting within the app."""
        return self._copied

    def copy_to_clipboard(self, text: str) -> None:
        """Copy in the first way that works here, and notify the user which one that was."""
        self._copied = text
        self._copy(text)

    @work(exclusive=True, group="copy", name="copying")
    async def _copy(self, text: str) -> None:
        notice = await copy(text, super().copy_to_clipboard, locations.home() / "copied")
        self.notify(notice, markup=False)


async def copy(text: str, send: Callable[[str], None], folder: Path) -> str:
    """Copy to tmux's buffer, else to the terminal's clipboard, else to a file.

    Args:
        text: What to copy.
        send: Writes the text to the terminal by OSC 52.
        folder: Where the file is created.

    Returns:
        A sentence that says where the copy is.

    Raises:
        MachineError: Only a file was possible, and it cannot be written.
    """
    if "TMUX" in os.environ:
        if await _load_buffer(text, "-w"):
            return (
                "Copied to the tmux buffer (prefix ] pastes it) and, if its set-clipboard allows, "
                "to your terminal's clipboard."
            )
        if await _load_buffer(text):
            return "Copied to the tmux buffer (prefix ] pastes it)."
    if _has_osc52() and len(text.encode()) <= MAX_OSC52_BYTES:
        send(text)
        return f"Sent to your terminal's clipboard (OSC 52); if it did not arrive: {_remedy()}."
    path = await asyncio.to_thread(write_copy, text, folder, ".txt")
    return f"Written to {locations.shorten(path)}: no clipboard can be reached from here."


def write_copy(text: str, folder: Path, suffix: str) -> Path:
    """Write ``text`` to a new file in ``folder`` that only its owner can read.

    Raises:
        MachineError: The disk is full or the folder is not writable.
    """
    path = files.create_unique(folder, time.strftime("copy-%Y%m%d-%H%M%S"), suffix)
    files.append_line(path, text.removesuffix("\n"))
    return path


async def _load_buffer(text: str, *options: str) -> bool:
    """Load ``text`` into a tmux buffer; ``-w``, from tmux 3.2, also sends it to the terminal."""
    pipe, devnull = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    command = ("tmux", "load-buffer", *options, "-")
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=devnull, stderr=devnull
        )
    except OSError:
        return False
    try:
        await asyncio.wait_for(process.communicate(text.encode()), _TMUX_TIMEOUT)
    except TimeoutError:
        process.kill()
        await process.wait()
    return process.returncode == 0


def _has_osc52() -> bool:
    """Whether the terminal may understand OSC 52; GNU screen does not pass it on."""
    return "STY" not in os.environ and os.environ.get("TERM", "") not in _WITHOUT_OSC52


def _remedy() -> str:
    if os.environ.get("TERM", "").startswith(("tmux", "screen")):
        return "'set -g set-clipboard on' in the tmux on your side"
    return "allow clipboard access in its settings"
