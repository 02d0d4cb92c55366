"""Waiting for a device before anything heavy is imported: a queued run costs little memory."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from itertools import islice
from threading import Thread
from typing import TYPE_CHECKING

from workbench.core import files, locations
from workbench.core.cgroups import oom_kills
from workbench.core.errors import FtwbError, MachineError
from workbench.hardware.devices import CPU, usable_devices
from workbench.runs.control import take_stop
from workbench.runs.queue import AcquiredDevices, Queue
from workbench.runs.status import HEARTBEAT_SECONDS, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.runs.folder import RunFolder
    from workbench.runs.status import State

_POLL_SECONDS = 0.5
"""Seconds between two looks at the queue."""

_FULL = -1
"""In the place of a place, while the disk of the queue is full."""


class DeviceWait:
    """The wait of one run in the queue, shown in its status.json."""

    def __init__(self, run: RunFolder, arguments: Sequence[str]) -> None:
        """Look which devices the run could take.

        Args:
            run: The run.
            arguments: Of its worker; the status keeps them, so that the wait can start again.
        """
        self._run = run
        self._devices = usable_devices()
        self._kept = run.status().model_dump(include={"created", "step", "total"})
        self._kept |= {"worker_args": tuple(arguments), "oom_kills": oom_kills()}
        self._queue = Queue(locations.queue())
        self._needed = 1
        self._last_place, self._last_save = 0, 0.0

    def acquire(self) -> int:
        """Wait until this process holds the devices of the run; the number of ranks to start.

        CUDA then shows these devices only, and they stay taken until this process ends. A stop, a
        broken recipe, too few devices or a queue that cannot be used end the run here: the number
        is then 0. Processes on the CPU share it.
        """
        try:
            ranks = self._run.recipe().devices.count
            self._needed = self._devices_for(ranks)
            taken = self._wait()
        except FtwbError as error:
            self._save_status("failed", reason=str(error), ended=time.time())
            return 0
        if taken is None:
            reason = f"removed from the queue for {self._wanted()}"
            self._save_status("stopped", reason=reason, ended=time.time())
            return 0
        os.environ["CUDA_VISIBLE_DEVICES"] = _visible_devices(taken.devices, ranks)
        self._save_status("starting", started=time.time())
        return ranks

    def _devices_for(self, ranks: int) -> int:
        if self._devices == (CPU,):
            return 1
        if ranks > len(self._devices):
            raise MachineError(
                f"devices.count is {ranks}, but this machine has {len(self._devices)}: lower it, "
                "or start the run on several machines with 'ftwb slurm'"
            )
        return ranks

    def _wait(self) -> AcquiredDevices | None:
        """The devices, once they are free; None where the user stopped the run first."""
        keys = [device.key for device in self._devices]
        while not take_stop(self._run):
            place = self._try_acquire(keys)
            if isinstance(place, AcquiredDevices):
                Thread(target=_keep, args=(place,), name="device locks", daemon=True).start()
                return place
            if place is not None:
                self._show_place(place)
            time.sleep(_POLL_SECONDS)
        return None

    def _try_acquire(self, keys: Sequence[str]) -> AcquiredDevices | int | None:
        """The devices or the place; None while the disk of the queue is full, which is waited for.

        Raises:
            MachineError: The queue cannot be used at all.
        """
        try:
            return self._queue.try_acquire(self._run.path, keys, self._needed)
        except MachineError as error:
            if not files.is_disk_full(error):
                raise
        self._show_full_queue()
        return None

    def _show_full_queue(self) -> None:
        now = time.monotonic()
        if self._last_place != _FULL or now - self._last_save >= HEARTBEAT_SECONDS:
            self._last_place, self._last_save = _FULL, now
            paused = f"disk full at {self._queue.folder}: waits for space there"
            self._save_status("queued", device=self._wanted(), paused=paused)

    def _show_place(self, place: int) -> None:
        now = time.monotonic()
        if place != self._last_place or now - self._last_save >= HEARTBEAT_SECONDS:
            self._last_place, self._last_save = place, now
            self._save_status("queued", queue_position=place, device=self._wanted())

    def _wanted(self) -> str:
        """The devices that the run waits for, in words."""
        if len(self._devices) == 1:
            return self._devices[0].name
        count = "one" if self._needed == 1 else str(self._needed)
        return f"{count} of {len(self._devices)} GPUs"

    def _save_status(self, state: State, **values: object) -> None:
        """Write the status; a disk that is full for a moment costs no run its place."""
        status = Status.of_this_process(state=state, **self._kept, **values)
        with suppress(MachineError):
            status.save(self._run.status_file)


def _keep(acquired: AcquiredDevices) -> None:
    """Keep the locks of this process, for as long as it lives."""
    while True:
        time.sleep(HEARTBEAT_SECONDS)
        acquired.keep()


def _visible_devices(keys: Sequence[str], count: int) -> str:
    """What CUDA may show: the devices taken, or without a driver the first that the user allows."""
    if tuple(keys) != (CPU.key,):
        return ",".join(keys)
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    numbers = map(str, range(count)) if allowed is None else allowed.split(",")
    return ",".join(islice(numbers, count))
