"""A real terminal for tests: a PTY whose screen can be read as a person would read it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from typing import TYPE_CHECKING

import pexpect
import pyte

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_POLL = threading.Event()


class Terminal:
    """Runs a program in a PTY of a fixed size and keeps track of its screen."""

    def __init__(self, command: list[str], *, columns: int, lines: int, env: Mapping[str, str]):
        sized = {name: word for name, word in env.items() if name not in ("COLUMNS", "LINES")}
        self.screen = pyte.Screen(columns, lines)
        self.raw = bytearray()
        self._film: list[str] | None = None
        self._stream = pyte.ByteStream(self.screen)
        self._lock = threading.Lock()
        self._connected = True
        self._child = pexpect.spawn(
            command[0],
            command[1:],
            dimensions=(lines, columns),
            env={**sized, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            timeout=None,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return int(self._child.pid)

    @property
    def text(self) -> str:
        with self._lock:
            return "\n".join(self.screen.display)

    def send(self, *keys: str) -> None:
        for key in keys:
            self._child.send(key)
            _POLL.wait(0.05)

    def wait_for(self, what: str | Callable[[str], bool], seconds: float = 180) -> str:
        """Wait until the screen shows ``what``, and return the screen."""
        shown = (lambda text: what in text) if isinstance(what, str) else what
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            text = self.text
            if shown(text):
                return text
            _POLL.wait(0.1)
        raise AssertionError(f"never saw {what!r}; the screen was:\n{self.text}")

    def film(self) -> list[str]:
        """Record the screen after every piece of output from now on, in the returned list."""
        with self._lock:
            self._film = ["\n".join(self.screen.display)]
            return self._film

    def kill(self) -> None:
        """SIGKILL the program and close the terminal under its children."""
        self._child.kill(signal.SIGKILL)
        self._child.close(force=True)

    def hang_up(self) -> None:
        """Close the line, as a lost connection does, and wait until the program has ended."""
        self._connected = False
        self._reader.join()
        self._child.ptyproc.fileobj.close()
        self._child.wait()

    def _read(self) -> None:
        with contextlib.suppress(OSError, pexpect.EOF, ValueError):
            while self._connected:
                if not select.select([self._child.child_fd], [], [], 0.1)[0]:
                    continue
                data = os.read(self._child.child_fd, 65536)
                with self._lock:
                    self.raw += data
                    self._stream.feed(data)
                    if self._film is not None:
                        self._film.append("\n".join(self.screen.display))
