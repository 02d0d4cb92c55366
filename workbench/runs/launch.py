"""Starting workers that outlive the terminal and queue for a device."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from workbench.core import locations
from workbench.core.cgroups import processors
from workbench.core.errors import MachineError
from workbench.runs.faults import fault_of
from workbench.runs.folder import Runs
from workbench.runs.links import require_no_links
from workbench.runs.process import process_identity
from workbench.runs.queue import Queue, Ticket

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder

WORKER = "workbench.training"


def launch(run: RunFolder, *worker_args: str) -> int:
    """Start the worker of ``run``, which queues for a device, and return its pid.

    It has its own session and no controlling terminal, so it survives the terminal; its output goes
    to ``worker.log``. Runs that lost their place in the queue to a reboot are queued again first.

    Args:
        run: The run.
        worker_args: Arguments of the worker; without any it starts at the beginning.

    Raises:
        BadInputError: The folder of the run holds a link.
        MachineError: The process cannot be started, or the queue cannot be used.
    """
    require_no_links(run)
    if not locations.is_writable(locations.cache()):
        reason = (
            f"{locations.cache()}: cannot be written, and what is measured of the base is kept "
            "there; set FTWB_CACHE to a folder of yours"
        )
        _fail(run, reason)
        raise MachineError(reason)
    queue = Queue(locations.queue())
    try:
        with queue.locked() as waiting:
            _restart_lost(run.path.parent, queue, waiting, exclude=run)
            return _start(run, worker_args, queue, waiting)
    except MachineError as error:
        _fail(run, str(error))
        raise


def _fail(run: RunFolder, reason: str) -> None:
    failed = {"state": "failed", "reason": reason, "ended": time.time()}
    with suppress(MachineError):
        run.status().model_copy(update=failed).save(run.status_file)


def relaunch(runs: Runs) -> list[RunFolder]:
    """Queue again, in their old order, the runs whose workers died while they were queued.

    Raises:
        MachineError: A process cannot be started, or the queue cannot be used.
    """
    queue = Queue(locations.queue())
    with queue.locked() as waiting:
        return _restart_lost(runs.root, queue, waiting)


def _restart_lost(
    root: Path, queue: Queue, waiting: list[Ticket], *, exclude: RunFolder | None = None
) -> list[RunFolder]:
    here = socket.gethostname()
    statuses = [(run.status(), run) for run in Runs(root).list() if run != exclude]
    lost = [pair for pair in statuses if pair[0].lost_while_queued and pair[0].host == here]
    lost.sort(key=lambda pair: pair[0].created)
    restarted = []
    for status, run in lost:
        if not fault_of(run):  # one that is damaged must not keep the others waiting
            _start(run, status.worker_args, queue, waiting)
            restarted.append(run)
    return restarted


def _start(
    run: RunFolder, worker_args: tuple[str, ...], queue: Queue, waiting: list[Ticket]
) -> int:
    """Start a worker in the last place; it waits for the queue's lock, which we hold.

    One that cannot be recorded is killed, so that it does not start later without anyone knowing.
    """
    command = [sys.executable, "-P", "-m", WORKER, str(run.path), *worker_args]
    try:
        with os.fdopen(run.files.open_to_append(run.log), "ab") as log:
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
    try:
        _record(run, worker_args, worker.pid, queue, waiting)
    except MachineError:
        worker.kill()
        worker.wait()
        raise
    return worker.pid


def _record(
    run: RunFolder, worker_args: tuple[str, ...], pid: int, queue: Queue, waiting: list[Ticket]
) -> None:
    """Write down that a worker waits, in its run and at the end of the queue."""
    process = process_identity(pid)
    run.status().model_copy(
        update={
            "state": "queued",
            "worker_args": worker_args,
            "reason": "",
            "pid": pid,
            "process": process,
            "host": socket.gethostname(),
            "heartbeat": time.time(),
            "started": None,
            "ended": None,
            "lost_while_queued": False,
        }
    ).save(run.status_file)
    ticket = Ticket(str(run.path), pid, process)
    queue.save([*waiting, ticket])
    waiting.append(ticket)


def worker_environment() -> dict[str, str]:
    """The worker's environment: unbuffered output, and no threads in the tokenizers.

    In a container it uses as many threads as that allows: more would wait for one another.
    A variable by which torchrun marks its own children is left out.
    """
    inherited = {key: value for key, value in os.environ.items() if key != "TORCHELASTIC_RUN_ID"}
    if (allowed := processors()) < len(os.sched_getaffinity(0)):
        inherited.setdefault("OMP_NUM_THREADS", str(allowed))
    return {**inherited, "PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false"}
