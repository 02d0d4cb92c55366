"""The worker of a run on several devices: it starts a process for each and sees to their end."""

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

from workbench.runs.events import EventLog
from workbench.runs.launch import WORKER as MODULE
from workbench.training.distributed.rank_main import WORKER

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

    from workbench.runs.folder import RunFolder

_LONGEST = 200
"""Characters of a last line that are told."""


def lead(run: RunFolder, order: list[str], count: int) -> int:
    """Do the run in ``count`` processes of this machine, by torch's own launcher; the exit code.

    Where one of them ends badly the others are ended, and the status tells the words of the one
    that was the first to fail. Their output goes into the worker's, each line under their number.
    """
    os.environ[WORKER] = str(os.getpid())
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
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
        command = ("-P", "-m", MODULE, str(run.path), *order)
        try:
            elastic_launch(config, sys.executable)(*command)
        except ChildFailedError as error:
            return _ended(run, error.failures, Path(logs))
    return 0


def _ended(run: RunFolder, failures: dict[int, ProcessFailure], logs: Path) -> int:
    """Tell how the run failed, unless its first process has ended it already."""
    status = run.status()
    if not status.live:
        return int(status.state == "failed")
    rank, failure = min(failures.items(), key=lambda pair: _turn(pair[1]))
    reason = f"process {rank}: {_words(failure, logs)}"
    ended = {"state": "failed", "reason": reason, "ended": time.time()}
    status.model_copy(update=ended).save(run.status_file)
    EventLog(run.events).append("error", status.step, text=reason)
    return 1


def _turn(failure: ProcessFailure) -> tuple[int, float]:
    """Sorts the one that dragged the others along to the front.

    What was killed says nothing; what failed by itself does so before its neighbours miss it, and
    these are then ended by SIGTERM.
    """
    if failure.exitcode < 0:
        return (3 if failure.signal_name() == "SIGTERM" else 0), 0.0
    told = failure.error_file_data.get("timestamp")
    return (2, 0.0) if told is None else (1, float(told))


def _words(failure: ProcessFailure, logs: Path) -> str:
    if failure.exitcode < 0:
        how = f"killed by {failure.signal_name()}"
    elif "timestamp" in failure.error_file_data:
        return str(failure.message)
    else:
        how = f"ended with exit code {failure.exitcode}"
    last = _last_line(logs, failure.local_rank)
    return f"{how}, its output ends with: {last}" if last else how


def _last_line(logs: Path, rank: int) -> str:
    """The last line that a process of this machine has written."""
    written = sorted(logs.glob(f"*/*/{rank}/std*.log"), key=lambda file: file.stat().st_mtime_ns)
    lines = [line for file in written for line in file.read_text(errors="replace").splitlines()]
    return next((line.strip()[-_LONGEST:] for line in reversed(lines) if line.strip()), "")
