"""One of several processes of a run, started by torch's launcher: the worker's or the user's."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from contextlib import nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from workbench.core.errors import BadInputError, FtwbError, MachineError
from workbench.hardware.devices import CPU, usable_devices
from workbench.runs import control
from workbench.runs.run_lock import alone

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder
    from workbench.training.distributed.process_group import ProcessGroup

WORKER = "FTWB_WORKER"
"""Environment variable in which a worker tells the processes that it starts its pid."""

_PATIENCE = timedelta(days=30)
"""How long the others wait for one of them: it may measure the base, or ask its user. A dead one
is noticed at once, by whoever started it."""


def is_rank() -> bool:
    """Whether torch's launcher has started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def serve(run: RunFolder, order: list[str]) -> int:
    """Do this process's part of the run; the exit code."""
    _obey_sigterm(run)
    _end_with_parent()
    led = os.environ.get(WORKER) == str(os.getppid())
    if not (led or order) and run.status().state == "stopped":
        return 0  # taken out of its scheduler's queue
    is_main = os.environ["RANK"] == "0"
    try:
        with alone(run) if is_main and not led else nullcontext():
            _see_own_device()
            return _work(run, order, led=led)
    except FtwbError as error:
        tell_launcher(str(error))
        if is_main and not led:
            ended = {"state": "failed", "reason": str(error), "ended": time.time()}
            run.status().model_copy(update=ended).save(run.status_file)
        raise


def tell_launcher(words: str) -> None:
    """Leave the last words of this process where torch's launcher looks for them."""
    if file := os.environ.get("TORCHELASTIC_ERROR_FILE"):
        Path(file).write_text(
            json.dumps({"message": words, "timestamp": time.time()}), encoding="utf-8"
        )


def _work(run: RunFolder, order: list[str], *, led: bool) -> int:
    import torch

    from workbench.models.library_output import quieten_libraries

    quieten_libraries()
    from workbench.training.distributed.rank_reporters import reporter_of
    from workbench.training.worker import work

    processes = _processes(run)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    torch.distributed.init_process_group(backend, timeout=_PATIENCE)
    step = int(order[1]) if len(order) > 1 else None
    reporter = reporter_of(run, processes, os.getppid() if led else None)
    return work(run, resume=bool(order), step=step, processes=processes, reporter=reporter)


def _processes(run: RunFolder) -> ProcessGroup:
    """Who trains together.

    Raises:
        BadInputError: They are more or fewer than the recipe says.
    """
    from workbench.training.distributed.process_group import ProcessGroup

    processes = ProcessGroup(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    count = run.recipe().devices.count
    if processes.size != count:
        raise BadInputError(
            f"{run.id}: its recipe has devices.count {count}, and {processes.size} were started"
        )
    return processes


def _end_with_parent() -> None:
    """End when the launcher does, however it ended: nobody else would end this process."""

    def watch() -> None:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(parent).wait()
        os._exit(1)

    parent = os.getppid()
    threading.Thread(target=watch, name="parent", daemon=True).start()


def _obey_sigterm(run: RunFolder) -> None:
    """SIGTERM is a stop that saves; but where a neighbour has died there is nothing to wait for.

    A thread takes the signal, because the main thread may stand in a product of the device, or
    wait for the dead. No thread may be started before, or the signal would end the process there.
    """

    def obey() -> None:
        while True:
            signal.sigwait({signal.SIGTERM})
            if len(_living(parent)) < neighbours:
                os._exit(1)
            with suppress(FtwbError):
                control.ask(run, "stop")

    parent, neighbours = psutil.Process(os.getppid()), int(os.environ["LOCAL_WORLD_SIZE"])
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=obey, name="sigterm", daemon=True).start()


def _living(parent: psutil.Process) -> list[psutil.Process]:
    return [child for child in parent.children() if child.status() != psutil.STATUS_ZOMBIE]


def _see_own_device() -> None:
    """Let CUDA show one device to each process, so that the first is its own everywhere.

    Raises:
        MachineError: There are fewer devices than processes.
    """
    devices, rank = usable_devices(), int(os.environ["LOCAL_RANK"])
    if devices == (CPU,):
        return
    if rank >= len(devices):
        raise MachineError(
            f"process {rank + 1} of this machine has no device: it has {len(devices)}"
        )
    os.environ["CUDA_VISIBLE_DEVICES"] = devices[rank].key
    os.environ["LOCAL_RANK"] = "0"
