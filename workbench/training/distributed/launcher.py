"""The worker of a run on several devices: it starts a process for each and reports how they end."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from workbench.core.cgroups import processors
from workbench.runs.events import EventLog
from workbench.runs.last_words import last_words
from workbench.runs.launch import WORKER as MODULE
from workbench.training.distributed.rank_main import WORKER_PID

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

    from workbench.runs.folder import RunFolder


def launch_ranks(run: RunFolder, arguments: list[str], count: int) -> int:
    """Do the run in ``count`` processes of this machine, by torch's launcher; the exit code.

    Where one of them fails the others are ended, and the status names the one that failed first.
    Their output goes into the worker's log, each line with the number of its process.
    """
    os.environ[WORKER_PID] = str(os.getpid())
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, processors() // count)))
    with TemporaryDirectory(prefix="ftwb-ranks-") as logs:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=count,
            run_id=run.id,
            role="process ",
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=logs, tee=Std.ALL),
            signals_to_handle="SIGQUIT",  # SIGTERM stays the worker's: a stop that saves
        )
        command = ("-P", "-m", MODULE, str(run.path), *arguments)
        try:
            elastic_launch(config, sys.executable)(*command)
        except ChildFailedError as error:
            return _report_failure(run, error.failures, Path(logs))
    return 0


def _report_failure(run: RunFolder, failures: dict[int, ProcessFailure], logs: Path) -> int:
    """Record why the run failed, unless its main process has recorded its end already."""
    status = run.status()
    if not status.live:
        return int(status.state == "failed")
    rank, first = min(failures.items(), key=lambda item: _blame_order(item[1]))
    reason = f"process {rank}: {_describe(first, logs)}"
    failed = {"state": "failed", "reason": reason, "ended": time.time()}
    status.model_copy(update=failed).save(run.status_file)
    EventLog(run.events).append("error", status.step, text=reason)
    return 1


def _blame_order(failure: ProcessFailure) -> tuple[int, float]:
    """Sort the process that took the others down to the front.

    0: killed from outside, which leaves no message. 1: failed with a message; the first to fail
    wrote it before its neighbours missed it. 2: failed without one. 3: ended by SIGTERM, which the
    launcher sends to those that are left.
    """
    if failure.exitcode < 0:
        return (3 if failure.signal_name() == "SIGTERM" else 0), 0.0
    timestamp = failure.error_file_data.get("timestamp")
    return (2, 0.0) if timestamp is None else (1, float(timestamp))


def _describe(failure: ProcessFailure, logs: Path) -> str:
    if failure.exitcode < 0:
        description = f"killed by {failure.signal_name()}"
    elif "timestamp" in failure.error_file_data:
        return str(failure.message)
    else:
        description = f"ended with exit code {failure.exitcode}"
    last = _last_line(logs, failure.local_rank)
    return f"{description}; its output ends with: {last}" if last else description


def _last_line(logs: Path, rank: int) -> str:
    """The last line that a process of this machine has written, if it may say why it ended."""
    files = sorted(logs.glob(f"*/*/{rank}/std*.log"), key=lambda file: file.stat().st_mtime_ns)
    lines = [line for file in files for line in file.read_text(errors="replace").splitlines()]
    return last_words(lines)
