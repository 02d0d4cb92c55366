"""Waiting for a device before anything heavy is imported: a run that waits costs little memory."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from workbench.core import locations
from workbench.core.errors import FtwbError, MachineError
from workbench.hardware.devices import CPU, usable_devices
from workbench.runs.control import take_stop
from workbench.runs.queue import AcquiredDevices, Queue
from workbench.runs.status import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.runs.folder import RunFolder
    from workbench.runs.status import State

_LOOK = 0.5
"""Seconds between two looks at the queue."""

_HEARTBEAT = 10.0
"""Seconds after which a run that waits says that it still does."""


class DeviceWait:
    """The wait of one run, told in its status.json."""

    def __init__(self, run: RunFolder, order: Sequence[str]) -> None:
        """Look which devices the run could take; ``order`` is what its worker was told to do."""
        self._run = run
        self._devices = usable_devices()
        self._known = run.status().model_dump(include={"created", "step", "total"})
        self._known["worker_args"] = tuple(order)
        self._queue = Queue(locations.queue())
        self._needed = 1
        self._told = (0, 0.0)

    def acquire(self) -> int:
        """Wait until devices are this process's own to its end; how many processes work on them.

        They are the only ones that CUDA then shows. A stop, a broken recipe, too few devices or a
        queue that cannot be used ends the run here, and none do. Processes on the CPU share it.
        """
        try:
            count = self._run.recipe().devices.count
            self._needed = self._needs(count)
            taken = self._stand()
        except FtwbError as error:
            self._say("failed", reason=str(error), ended=time.time())
            return 0
        if taken is None:
            reason = f"taken out of the queue for {self._choice()}"
            self._say("stopped", reason=reason, ended=time.time())
            return 0
        os.environ["CUDA_VISIBLE_DEVICES"] = _visible(taken.devices, count)
        self._say("starting", started=time.time())
        return count

    def _needs(self, count: int) -> int:
        if self._devices == (CPU,):
            return 1
        if count > len(self._devices):
            raise MachineError(
                f"devices.count is {count}, and this machine has {len(self._devices)}: lower it, "
                "or start the run over several machines with 'ftwb slurm'"
            )
        return count

    def _stand(self) -> AcquiredDevices | None:
        keys = [device.key for device in self._devices]
        while not take_stop(self._run):
            place = self._queue.try_acquire(self._run.path, keys, self._needed)
            if isinstance(place, AcquiredDevices):
                return place
            self._tell(place)
            time.sleep(_LOOK)
        return None

    def _tell(self, place: int) -> None:
        told, at = self._told
        if place != told or time.monotonic() - at >= _HEARTBEAT:
            self._told = place, time.monotonic()
            self._say("queued", queue_position=place, device=self._choice())

    def _choice(self) -> str:
        if len(self._devices) == 1:
            return self._devices[0].name
        wanted = "one" if self._needed == 1 else str(self._needed)
        return f"{wanted} of {len(self._devices)} GPUs"

    def _say(self, state: State, **values: object) -> None:
        """Write the status; a disk that is full for a moment costs nobody their place."""
        status = Status.of_this_process(state=state, **self._known, **values)
        with suppress(MachineError):
            status.save(self._run.status_file)


def _visible(keys: Sequence[str], count: int) -> str:
    """What CUDA may show; where no driver told of a device, the first that the user lets it see."""
    if tuple(keys) != (CPU.key,):
        return ",".join(keys)
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    words = map(str, range(count)) if seen is None else seen.split(",")
    return ",".join(islice(words, count))
