"""Starting workers that outlive the terminal and wait for their turn."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from workbench.core import locations
from workbench.core.errors import MachineError
from workbench.runs.folder import Runs
from workbench.runs.process import identity
from workbench.runs.queue import Queue, Ticket

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder

WORKER = "workbench.training"


def launch(run: RunFolder, *order: str) -> int:
    """Start the worker of ``run``, which queues for a device, and return its pid.

    It has a session of its own and no controlling terminal, so closing one is nothing to it; its
    output goes to ``worker.log``. Runs that lost their place to a reboot are queued again first.

    Args:
        run: The run.
        order: What its worker is told to do; without one it starts at the beginning.

    Raises:
        MachineError: The process cannot be started, or the queue cannot be used.
    """
    try:
        with Queue(locations.queue()).alone() as waiting:
            _start_stranded(run.path.parent, waiting, but=run)
            return _start(run, order, waiting)
    except MachineError as error:
        failed = {"state": "failed", "reason": str(error), "ended": time.time()}
        run.status().model_copy(update=failed).save(run.status_file)
        raise


def relaunch(runs: Runs) -> list[RunFolder]:
    """Queue again, in their old order, the runs whose workers were lost while they waited.

    Raises:
        MachineError: A process cannot be started, or the queue cannot be used.
    """
    with Queue(locations.queue()).alone() as waiting:
        return _start_stranded(runs.root, waiting)


def _start_stranded(
    root: Path, waiting: list[Ticket], *, but: RunFolder | None = None
) -> list[RunFolder]:
    found = [(run.status(), run) for run in Runs(root).list() if run != but]
    here = socket.gethostname()
    stranded = [pair for pair in found if pair[0].stranded and pair[0].host == here]
    again = sorted(stranded, key=lambda pair: pair[0].created)
    for status, run in again:
        _start(run, status.order, waiting)
    return [run for _, run in again]


def _start(run: RunFolder, order: tuple[str, ...], waiting: list[Ticket]) -> int:
    """Start a worker and give it the last place; it is held up until the queue is let go."""
    command = [sys.executable, "-P", "-m", WORKER, str(run.path), *order]
    try:
        run.log.touch(mode=0o600)
        with run.log.open("ab") as log:
            worker = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=worker_environment(),
                start_new_session=True,
            )
    except OSError as error:
        raise MachineError(f"the worker cannot be started: {error}") from error
    process = identity(worker.pid)
    waiting.append(Ticket(str(run.path), worker.pid, process))
    run.status().model_copy(
        update={
            "state": "queued",
            "order": order,
            "reason": "",
            "pid": worker.pid,
            "process": process,
            "host": socket.gethostname(),
            "heartbeat": time.time(),
            "started": None,
            "ended": None,
            "stranded": False,
        }
    ).save(run.status_file)
    return worker.pid


def worker_environment() -> dict[str, str]:
    """The worker's environment: its output is not held back, and libraries start no threads.

    That this process was itself started by torchrun is nothing to it.
    """
    own = {name: value for name, value in os.environ.items() if name != "TORCHELASTIC_RUN_ID"}
    return {**own, "PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false"}
