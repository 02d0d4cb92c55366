"""worker.log: what the worker did and when, beside what libraries print; it never grows huge."""

from __future__ import annotations

import os
import platform
import sys
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from workbench import __version__
from workbench.core.errors import FtwbError
from workbench.core.formatting import duration
from workbench.runs.last_words import OWN_LINE

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder

MAX_BYTES = 16 << 20
"""Size at which the log is renamed to ``worker.log.1``, whose predecessor is then deleted."""

_PACKAGES = ("torch", "transformers", "peft", "tokenizers", "safetensors", "bitsandbytes")


class WorkerLog:
    """Lines of the worker's own, on its standard output, which is the log."""

    def __init__(self, run: RunFolder) -> None:
        """Write about ``run``; the first phase begins now."""
        self._run = run
        self._phase, self._since = "", time.monotonic()

    def begin(self) -> None:
        """Say what is running, and what of."""
        used = [f"{name} {found}" for name in _PACKAGES if (found := _version(name))]
        python = f"Python {platform.python_version()}"
        self.say(f"ftwb {__version__}, {python}, {', '.join(used)}; pid {os.getpid()}")
        with suppress(FtwbError):
            recipe = self._run.recipe()
            self.say(f"{self._run.id}: {recipe.strategy.kind} on {recipe.model.id}")

    def phase(self, name: str) -> None:
        """Say that a phase begins, and how long the one before it took."""
        if name != self._phase:
            self.say(f"{name}{self._took()}")
            self._phase, self._since = name, time.monotonic()

    def end(self, state: str, reason: str) -> None:
        """Say how the run ended."""
        self.say(f"{state}{f': {reason}' if reason else ''}{self._took()}")

    def rotate(self) -> None:
        """Begin a new file where the log has become too large."""
        log = self._run.log
        with suppress(OSError):
            if os.fstat(1).st_size <= MAX_BYTES or not self._is_open():
                return
            log.replace(log.with_name(f"{log.name}.1"))
            fresh = self._run.files.open_to_append(log)
            for number in (1, 2):
                os.dup2(fresh, number)
            os.close(fresh)

    def say(self, text: str) -> None:
        """Write a line with the time, where the standard output of this process is the log.

        A log that cannot be written keeps no run from its work.
        """
        with suppress(OSError, ValueError):
            if self._is_open():
                sys.stdout.write(f"{time.strftime(OWN_LINE)}  {text}\n")
                sys.stdout.flush()

    def _is_open(self) -> bool:
        return os.path.samestat(os.fstat(1), self._run.log.lstat())

    def _took(self) -> str:
        if not self._phase:
            return ""
        return f" ({self._phase} took {duration(time.monotonic() - self._since)})"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
