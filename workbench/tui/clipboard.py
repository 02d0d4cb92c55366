"""Copying out of a terminal that may be far away, and saying which way it went."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

from textual import work
from textual.app import App

from workbench.core import files, locations
from workbench.core.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONGEST = 74_994
"""Bytes of a text that go through OSC 52; terminals cut or drop what is longer."""
_PATIENCE = 3.0
"""Seconds that tmux may take; a server that hangs is given up."""
_DEAF = ("linux", "dumb", "vt100", "vt220")
"""Terminals that know no OSC 52."""


class CopyingApp(App[None]):
    """An app whose copies arrive: every copy of every screen and field goes through here."""

    def __init__(self) -> None:
        """Start with nothing copied."""
        super().__init__()
        self._copied = ""

    @property
    def clipboard(self) -> str:
        """What was copied last, for pasting within the app."""
        return self._copied

    def copy_to_clipboard(self, text: str) -> None:
        """Copy in the first way that works here, and tell which it was when that is known."""
        self._copied = text
        self._copy(text)

    @work(exclusive=True, group="copy")
    async def _copy(self, text: str) -> None:
        try:
            told = await copy(text, super().copy_to_clipboard, locations.home() / "copied")
        except MachineError as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            self.notify(told, markup=False)


async def copy(text: str, send: Callable[[str], None], folder: Path) -> str:
    """Copy to tmux's buffer, else to the terminal's clipboard, else into a file.

    Args:
        text: What to copy.
        send: Writes the text to the terminal by OSC 52.
        folder: Where the file is made.

    Returns:
        A sentence that says which way it went.

    Raises:
        MachineError: Only a file was left, and it cannot be written.
    """
    if "TMUX" in os.environ:
        if await _load_buffer(text, "-w"):
            return (
                "Copied to the tmux buffer (prefix ] pastes it) and, if its set-clipboard allows, "
                "to your terminal's clipboard."
            )
        if await _load_buffer(text):
            return "Copied to the tmux buffer (prefix ] pastes it)."
    if _takes_osc52() and len(text.encode()) <= LONGEST:
        send(text)
        return f"Sent to your terminal's clipboard (OSC 52); if it did not arrive: {_remedy()}."
    path = await asyncio.to_thread(write_copy, text, folder, ".txt")
    return f"Written to {locations.shorten(path)}: no clipboard takes it from here."


def write_copy(text: str, folder: Path, suffix: str) -> Path:
    """Write ``text`` into a new file of ``folder``, which only its owner can read.

    Raises:
        MachineError: The disk is full or the folder cannot be written.
    """
    path = files.create_unique(folder, time.strftime("copy-%Y%m%d-%H%M%S"), suffix)
    files.append_line(path, text.removesuffix("\n"))
    return path


async def _load_buffer(text: str, *options: str) -> bool:
    """Hand ``text`` to tmux; ``-w``, which passes it on to the terminal, is new in tmux 3.2."""
    pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    words = ("tmux", "load-buffer", *options, "-")
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=pipe, stdout=nowhere, stderr=nowhere
        )
    except OSError:
        return False
    try:
        await asyncio.wait_for(process.communicate(text.encode()), _PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
    return process.returncode == 0


def _takes_osc52() -> bool:
    """Whether the terminal may take OSC 52; GNU screen keeps it to itself."""
    return "STY" not in os.environ and os.environ.get("TERM", "") not in _DEAF


def _remedy() -> str:
    if os.environ.get("TERM", "").startswith(("tmux", "screen")):
        return "'set -g set-clipboard on' in the tmux on your side"
    return "allow clipboard access in its settings"
