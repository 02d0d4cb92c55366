"""The log file of the workbench: tracebacks of what went wrong, to be sent with a bug report."""

from __future__ import annotations

import os
import time
import traceback
from contextlib import suppress

from workbench import __version__
from workbench.core import files, locations
from workbench.core.errors import MachineError
from workbench.core.redaction import scrub

MAX_BYTES = 1 << 20
"""Size at which the file is renamed to ``ftwb.log.1``, whose predecessor is then deleted."""


def write_error(error: BaseException, activity: str) -> None:
    """Append the traceback of ``error``, raised while ``activity`` was under way.

    Secrets and the home folder are scrubbed, and local variables, which may hold prompts and rows,
    are left out. Never raises: a log that cannot be written must not hide the error itself.
    """
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    head = f"{stamp}  ftwb {__version__}  pid {os.getpid()}  {activity}"
    lines = "".join(traceback.format_exception(error)).rstrip()
    with suppress(OSError, MachineError):
        _rotate()
        files.append_line(locations.log_file(), scrub(f"{head}\n{lines}\n"))


def _rotate() -> None:
    path = locations.log_file()
    if path.is_file() and path.stat().st_size > MAX_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
