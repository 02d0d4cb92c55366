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
    command = [sys.executable, "-m", WORKER, str(run.path)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false"}
    try:
        with run.log.open("ab") as log:
            worker = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=run.path,
                env=environment,
                start_new_session=True,
            )
    except OSError as error:
        raise MachineError(f"the worker cannot be started: {error}") from error
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
