"""``python -m workbench.training RUN [resume [STEP]]``: the worker process.

Under torchrun, on one machine or several, it is one of those that train together.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from workbench.core.redaction import ScrubbedStream
from workbench.runs import control
from workbench.runs.folder import RunFolder
from workbench.runs.run_lock import alone
from workbench.training.distributed.rank_main import is_rank, serve
from workbench.training.reporting.device_wait import DeviceWait

if TYPE_CHECKING:
    from types import FrameType

_PATIENCE = 60.0
"""Seconds to wait for the process that started this one to let go of the run."""


def main() -> int:
    """Do the run when its turn comes, for its owner only.

    Hang-ups are ignored, SIGTERM is a stop that saves.
    """
    run = RunFolder(Path(sys.argv[1]))

    def stop(_signal: int, _frame: FrameType | None) -> None:
        control.ask(run, "stop")

    os.umask(0o077)
    sys.stdout, sys.stderr = _clean(sys.stdout), _clean(sys.stderr)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    order = sys.argv[2:]
    if is_rank():
        return serve(run, order)
    signal.signal(signal.SIGTERM, stop)
    with alone(run, _PATIENCE):
        count = DeviceWait(run, order).acquire()
        if count == 0:
            return int(run.status().state == "failed")
        return _work(run, order) if count == 1 else _lead(run, order, count)


def _work(run: RunFolder, order: list[str]) -> int:
    from workbench.models.library_output import quieten_libraries

    quieten_libraries()  # before they are loaded, or what they say ends the log of a killed worker
    from workbench.training.worker import work

    step = int(order[1]) if len(order) > 1 else None
    return work(run, resume=bool(order), step=step)


def _lead(run: RunFolder, order: list[str], count: int) -> int:
    from workbench.training.distributed.launcher import lead

    return lead(run, order, count)


def _clean(stream: TextIO) -> TextIO:
    return cast("TextIO", ScrubbedStream(stream))


if __name__ == "__main__":
    sys.exit(main())
