"""A disk that is full: whoever cannot write waits for room, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

from safetensors import SafetensorError

from workbench.core import files
from workbench.core.errors import FtwbError
from workbench.runs import checkpoints
from workbench.runs.control import take_stop

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder

_T = TypeVar("_T")

_LOOK = 2.0
"""Seconds between two looks whether there is room."""

_ANYWAY = 60.0
"""Seconds after which a write is tried again though no more room is seen: quotas show none."""

_RESERVE = 64 << 10
"""Bytes that a run holds, to give them up for its status once the disk is full."""


class StopRequested(Exception):  # noqa: N818 - an order, not an error
    """The user asked the run to stop while no step was being taken."""


class Pausing(Protocol):
    """Who tells the user that the run stands still."""

    def pause(self, why: str) -> None:
        """Say so, as well as that can be said on a full disk."""

    def go_on(self, after: str) -> None:
        """Say that it goes on."""


class Disk:
    """Lets whoever writes for a run wait while there is no room, and obeys a stop meanwhile."""

    def __init__(self, run: RunFolder, teller: Pausing) -> None:
        """Hold the reserve of ``run``; ``teller`` says when it stands still."""
        self._run = run
        self._teller = teller
        self._reserve = run.path / ".reserve"
        self._hold()

    def retry_when_disk_full(self, write: Callable[[], _T], also: Path) -> _T:
        """Do ``write``, again from its start once there is room where it found none.

        Args:
            write: Leaves nothing behind where it fails.
            also: A folder beside the run's that is written to; the fuller disk is waited for.

        Raises:
            StopAsked: The user did not want to wait.
        """
        since, where = None, self._run.path
        while True:
            try:
                done = write()
                break
            except (OSError, FtwbError, SafetensorError) as error:
                if not files.is_disk_full(error):
                    raise
            since = time.monotonic() if since is None else since
            where = min((self._run.path, also), key=_free)
            self._wait(where)
        if since is not None:
            waited = time.monotonic() - since
            self._teller.go_on(f"{_disk(where)} was full: waited {waited:.0f} s, nothing is lost")
        return done

    def _wait(self, where: Path) -> None:
        """Stand still until there is more room than was left after the write that failed."""
        before = _free(where)
        self.give_up_reserve()
        self._teller.pause(f"{_disk(where)} is full; it goes on when there is room")
        start, held = time.monotonic(), False
        while True:
            time.sleep(_LOOK)
            if take_stop(self._run):
                raise StopRequested(
                    f"stopped on request while {_disk(where)} was full{self._left()}"
                )
            held = held or self._hold()
            if held and (_free(where) > before or time.monotonic() - start >= _ANYWAY):
                return

    def _hold(self) -> bool:
        """Take the reserve; false where there is no room for it."""
        try:
            file = os.open(self._reserve, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                files.write_all(file, bytes(_RESERVE))
            finally:
                os.close(file)
        except OSError:
            self.give_up_reserve()
            return False
        return True

    def give_up_reserve(self) -> None:
        """Leave nothing of it behind, where files can be removed at all."""
        with suppress(OSError):
            self._reserve.unlink(missing_ok=True)

    def _left(self) -> str:
        """Which checkpoint a stopped run has."""
        steps = checkpoints.steps(self._run)
        return (
            f"; its newest checkpoint is of step {steps[0]}" if steps else "; it has no checkpoint"
        )


def _disk(where: Path) -> str:
    return f"the disk of {where}"


def _free(where: Path) -> int:
    """Bytes that may be written where the nearest folder that is there lies."""
    there = next(folder for folder in (where, *where.parents) if folder.exists())
    return shutil.disk_usage(there).free
