"""Starting a worker that outlives the terminal."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from workbench.errors import MachineError
from workbench.runs.process import identity

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder

WORKER = "workbench.training"


def launch(run: RunFolder) -> int:
    """Start the worker of ``run`` in a session of its own and return its pid.

    Its output goes to ``worker.log``; it has no controlling terminal, so closing one is nothing to
    it.

    Raises:
        MachineError: The process cannot be started.
    """
    command = [sys.executable, "-P", "-m", WORKER, str(run.path)]
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
        reason = f"the worker cannot be started: {error}"
        failed = {"state": "failed", "reason": reason, "ended": time.time()}
        run.status().model_copy(update=failed).save(run.status_file)
        raise MachineError(reason) from error
    status = run.status().model_copy(
        update={
            "state": "starting",
            "pid": worker.pid,
            "process": identity(worker.pid),
            "host": socket.gethostname(),
            "heartbeat": time.time(),
        }
    )
    status.save(run.status_file)
    return worker.pid


def worker_environment() -> dict[str, str]:
    """The worker's environment: one CUDA device, the first of those the user lets it see."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
    return {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": visible.partition(",")[0],
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
