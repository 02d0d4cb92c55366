"""The terminal of the workbench: required at the start, put in order at the end, never outlived."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from workbench.core.errors import BadInputError
from workbench.tui.messages import EndRequested

if TYPE_CHECKING:
    from types import FrameType

    from textual.app import App

GRACE = 7.0
"""Seconds that an ordinary end may take, such as that of the chat engine."""

_RESTORE = (
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l"  # mouse
    b"\x1b[?2004l\x1b[?1004l\x1b[<u"  # bracketed paste, focus, keyboard protocol
    b"\x1b[?1049l\x1b[?25h\x1b[0m"  # main screen, cursor, colours
)


def has_terminal() -> bool:
    """Whether input, output and messages all go to a terminal."""
    return all(os.isatty(number) for number in (0, 1, 2))


def require_terminal() -> None:
    """Refuse to open the workbench where there is no terminal.

    Raises:
        BadInputError: There is none.
    """
    if not has_terminal():
        raise BadInputError(
            "the workbench needs a terminal, and input or output here is none; over SSH use "
            "'ssh -t HOST ftwb', without one 'ftwb runs' and the other commands of 'ftwb --help'"
        )


class TerminalWatch:
    """Ends the workbench on SIGTERM and SIGHUP, and once its terminal is gone.

    A hang-up is noticed without the signal too, which a parent may have ignored: the terminal is
    polled for it. Where an ordinary end takes too long, the process ends at once.

    Attributes:
        signal: What ended the workbench; 0 where the user did.
    """

    def __init__(self, app: App[Any]) -> None:
        """Watch over ``app`` from now on; the terminal is still as the user left it."""
        self.signal = 0
        self._app = app
        self._attributes = termios.tcgetattr(0)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._handle)
        threading.Thread(target=self._await_hangup, name="terminal", daemon=True).start()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        """End in a thread, which wakes the event loop, whatever that is waiting for."""
        threading.Thread(target=self._end, args=(number,), name="end", daemon=True).start()

    def _await_hangup(self) -> None:
        """Wait, without using the processor, until the other end of the terminal is closed."""
        poll = select.poll()
        poll.register(0, 0)
        poll.poll()
        # Nothing must fail or wait for output on the dead terminal while the app ends.
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        self._end(signal.SIGHUP)

    def _end(self, number: int) -> None:
        self.signal = number
        self._app.post_message(EndRequested())
        time.sleep(GRACE)
        with suppress(OSError, termios.error):
            os.set_blocking(2, False)
            os.write(2, _RESTORE)
            termios.tcsetattr(0, termios.TCSANOW, self._attributes)
        os._exit(128 + number)

    def exit_as_told(self) -> None:
        """Exit with the code of the signal that ended the workbench, if one did."""
        if self.signal:
            sys.exit(128 + self.signal)
