"""``python -m workbench.training RUN [resume [STEP]]``: the worker process.

Under torchrun, on one machine or several, it is one of those that train together.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from workbench.core.locations import provide_home
from workbench.core.redaction import ScrubbedStream
from workbench.runs import control
from workbench.runs.folder import RunFolder
from workbench.runs.links import require_no_links
from workbench.runs.run_lock import locked, proof_of_life
from workbench.training.distributed.rank_main import is_rank, run_rank
from workbench.training.reporting.device_wait import DeviceWait
from workbench.training.reporting.worker_log import WorkerLog

if TYPE_CHECKING:
    from types import FrameType

_LOCK_TIMEOUT = 60.0
"""Seconds to wait for the process that started this one to release the run."""


def main() -> int:
    """Wait for a device and do the run, readable for its owner only; the exit code.

    Hang-ups are ignored, and SIGTERM is a stop that saves.
    """
    run = RunFolder(Path(sys.argv[1]))
    arguments = sys.argv[2:]

    def stop(_signal: int, _frame: FrameType | None) -> None:
        control.send_request(run, "stop")

    os.umask(0o077)
    provide_home()
    sys.stdout, sys.stderr = _scrubbed(sys.stdout), _scrubbed(sys.stderr)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    require_no_links(run)
    if is_rank():
        return run_rank(run, arguments)
    signal.signal(signal.SIGTERM, stop)
    with locked(run, _LOCK_TIMEOUT), proof_of_life(run):
        ranks = DeviceWait(run, arguments).acquire()
        if ranks == 0:
            return int(run.status().state == "failed")
        return _train(run, arguments) if ranks == 1 else _launch_ranks(run, arguments, ranks)


def _train(run: RunFolder, arguments: list[str]) -> int:
    from workbench.models.library_output import quieten_libraries

    quieten_libraries()  # before they load
    WorkerLog(run).begin()
    from workbench.training.worker import train_run

    step = int(arguments[1]) if len(arguments) > 1 else None
    return train_run(run, resume=bool(arguments), step=step)


def _launch_ranks(run: RunFolder, arguments: list[str], ranks: int) -> int:
    from workbench.training.distributed.launcher import launch_ranks

    return launch_ranks(run, arguments, ranks)


def _scrubbed(stream: TextIO) -> TextIO:
    return cast("TextIO", ScrubbedStream(stream))


if __name__ == "__main__":
    sys.exit(main())
