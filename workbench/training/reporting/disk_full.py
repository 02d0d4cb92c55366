"""A full disk: writes wait for space, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

from safetensors import SafetensorError

from workbench.core import files
from workbench.core.errors import FtwbError
from workbench.runs.control import take_stop, what_is_left

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder

_T = TypeVar("_T")

_POLL_SECONDS = 2.0
"""Seconds between two looks at the free space."""

_RETRY_SECONDS = 60.0
"""Seconds after which a write is tried again though no more space is seen: quotas show none."""

_RESERVE_BYTES = 64 << 10
"""Bytes that a run holds back, to free them for its status once the disk is full."""


class StopRequested(Exception):  # noqa: N818 - a request, not an error
    """The user asked the run to stop while no step was being taken."""


class PauseListener(Protocol):
    """Shows the user that the run is paused."""

    def pause(self, reason: str) -> None:
        """Show it as paused, as far as that can be written on a full disk."""

    def resume(self, message: str) -> None:
        """Show it as running again, and report ``message``."""


class DiskSpace:
    """Lets writes for a run wait while the disk is full, and obeys a stop meanwhile."""

    def __init__(self, run: RunFolder, listener: PauseListener) -> None:
        """Hold the reserve of ``run``; ``listener`` shows when it is paused."""
        self._run = run
        self._listener = listener
        self._reserve = run.path / ".reserve"
        self._hold_reserve()

    def retry_when_full(self, write: Callable[[], _T], also: Path) -> _T:
        """Call ``write``, and again from its start whenever there is space after it found none.

        Args:
            write: Leaves nothing behind where it fails.
            also: A folder outside the run's that it writes to; the fuller disk is waited for.

        Raises:
            StopRequested: The user did not want to wait.
        """
        since, place = None, self._run.path
        while True:
            try:
                result = write()
                break
            except (OSError, FtwbError, SafetensorError) as error:
                if not files.is_disk_full(error):
                    raise
            since = time.monotonic() if since is None else since
            place = min((self._run.path, also), key=_free_bytes)
            self._wait_for_space(place)
        if since is not None:
            waited = time.monotonic() - since
            self._listener.resume(
                f"disk full at {place}: resumed after {waited:.0f} s, nothing was lost"
            )
        return result

    def _wait_for_space(self, place: Path) -> None:
        """Pause until there is more space than the failed write left."""
        before = _free_bytes(place)
        self.give_up_reserve()
        self._listener.pause(f"disk full at {place}: resumes when there is space")
        start, held = time.monotonic(), False
        while True:
            time.sleep(_POLL_SECONDS)
            if take_stop(self._run):
                raise StopRequested(
                    f"stopped on request while the disk was full at {place}; "
                    f"{what_is_left(self._run)}"
                )
            held = held or self._hold_reserve()
            retry_anyway = time.monotonic() - start >= _RETRY_SECONDS
            if held and (_free_bytes(place) > before or retry_anyway):
                return

    def _hold_reserve(self) -> bool:
        """Take the reserve; false where there is no space for it."""
        try:
            file = self._run.files.open(self._reserve, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            try:
                files.write_all(file, bytes(_RESERVE_BYTES))
            finally:
                os.close(file)
        except OSError:
            self.give_up_reserve()
            return False
        return True

    def give_up_reserve(self) -> None:
        """Free the reserve, where files can be removed at all."""
        with suppress(OSError):
            self._run.files.remove(self._reserve)


def _free_bytes(place: Path) -> int:
    """Bytes that may be written at ``place``, or at its nearest parent that exists."""
    existing = next(folder for folder in (place, *place.parents) if folder.exists())
    return shutil.disk_usage(existing).free
