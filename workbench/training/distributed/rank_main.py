"""One of several processes of a run, started by torch's launcher: the worker's or the user's."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from workbench.core.errors import BadInputError, FtwbError, MachineError
from workbench.hardware.devices import CPU, usable_devices
from workbench.runs import control
from workbench.runs.run_lock import locked, proof_of_life

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.runs.folder import RunFolder

WORKER_PID = "FTWB_WORKER"
"""Environment variable by which a worker passes its pid to the processes that it starts."""

_TIMEOUT = timedelta(days=30)
"""How long processes wait for one another: the main one may measure the base, or wait for its user.
A dead one is noticed at once, by the launcher."""


def is_rank() -> bool:
    """Whether torch's launcher has started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def run_rank(run: RunFolder, arguments: list[str]) -> int:
    """Do this process's part of the run; the exit code."""
    _handle_sigterm(run)
    _exit_with_parent()
    started_by_worker = os.environ.get(WORKER_PID) == str(os.getppid())
    if not (started_by_worker or arguments) and run.status().state == "stopped":
        return 0  # removed from its scheduler's queue
    # On a cluster there is no worker above the processes: then the main one stands in for it.
    owns_run = os.environ["RANK"] == "0" and not started_by_worker
    try:
        with _owned(run) if owns_run else nullcontext():
            _select_device()
            return _train(run, arguments, started_by_worker=started_by_worker)
    except FtwbError as error:
        report_to_launcher(str(error))
        if owns_run:
            failed = {"state": "failed", "reason": str(error), "ended": time.time()}
            run.status().model_copy(update=failed).save(run.status_file)
        raise


@contextmanager
def _owned(run: RunFolder) -> Iterator[None]:
    with locked(run), proof_of_life(run):
        yield


def report_to_launcher(message: str) -> None:
    """Leave the error of this process where torch's launcher looks for it."""
    if file := os.environ.get("TORCHELASTIC_ERROR_FILE"):
        Path(file).write_text(
            json.dumps({"message": message, "timestamp": time.time()}), encoding="utf-8"
        )


def _train(run: RunFolder, arguments: list[str], *, started_by_worker: bool) -> int:
    import torch

    from workbench.models.library_output import quieten_libraries

    quieten_libraries()
    from workbench.training.distributed.process_group import ProcessGroup
    from workbench.training.distributed.rank_reporters import reporter_of
    from workbench.training.worker import train_run

    processes = ProcessGroup(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    count = run.recipe().devices.count
    if processes.size != count:
        raise BadInputError(
            f"{run.id}: devices.count is {count}, but {processes.size} processes were started; "
            "start as many as the recipe says"
        )
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    torch.distributed.init_process_group(backend, timeout=_TIMEOUT)
    step = int(arguments[1]) if len(arguments) > 1 else None
    reporter = reporter_of(run, processes, os.getppid() if started_by_worker else None)
    return train_run(run, resume=bool(arguments), step=step, processes=processes, reporter=reporter)


def _exit_with_parent() -> None:
    """Exit when the launcher does, however it ended: nobody else would end this process."""

    def watch() -> None:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(parent).wait()
        os._exit(1)

    parent = os.getppid()
    threading.Thread(target=watch, name="parent", daemon=True).start()


def _handle_sigterm(run: RunFolder) -> None:
    """Make SIGTERM a stop that saves; where a neighbour has died, exit instead of waiting for it.

    A thread takes the signal, because the main thread may be inside a kernel of the device, or wait
    for the dead. No thread may be started before: the signal would end the process there.
    """

    def handle() -> None:
        while True:
            signal.sigwait({signal.SIGTERM})
            if len(_living_children(parent)) < neighbours:
                os._exit(1)
            with suppress(FtwbError):
                control.send_request(run, "stop")

    parent, neighbours = psutil.Process(os.getppid()), int(os.environ["LOCAL_WORLD_SIZE"])
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=handle, name="sigterm", daemon=True).start()


def _living_children(parent: psutil.Process) -> list[psutil.Process]:
    return [child for child in parent.children() if child.status() != psutil.STATUS_ZOMBIE]


def _select_device() -> None:
    """Let CUDA show this process its own device only, so that it is the first one everywhere.

    Raises:
        MachineError: There are fewer devices than processes.
    """
    devices, rank = usable_devices(), int(os.environ["LOCAL_RANK"])
    if devices == (CPU,):
        return
    if rank >= len(devices):
        raise MachineError(
            f"no device for process {rank + 1} of this machine, which has {len(devices)}; "
            "start no more processes than devices"
        )
    os.environ["CUDA_VISIBLE_DEVICES"] = devices[rank].key
    os.environ["LOCAL_RANK"] = "0"
