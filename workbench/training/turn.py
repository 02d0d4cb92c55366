"""Waiting for a device before anything heavy is imported: a run that waits costs little memory."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from workbench import locations
from workbench.errors import MachineError
from workbench.hardware.devices import CPU, usable_devices
from workbench.runs.control import take_stop
from workbench.runs.queue import Queue, Taken
from workbench.runs.status import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.hardware.devices import Device
    from workbench.runs.folder import RunFolder
    from workbench.runs.status import State

_LOOK = 0.5
"""Seconds between two looks at the queue."""

_HEARTBEAT = 10.0
"""Seconds after which a run that waits says that it still does."""


class Turn:
    """The wait of one run, told in its status.json."""

    def __init__(self, run: RunFolder, order: Sequence[str]) -> None:
        """Look which devices the run could take; ``order`` is what its worker was told to do."""
        self._run = run
        self._devices = usable_devices()
        self._known = run.status().model_dump(include={"created", "step", "total"})
        self._known["order"] = tuple(order)
        self._queue = Queue(locations.queue())
        self._told = (0, 0.0)

    def comes(self) -> bool:
        """Wait until a device is this process's own to its end; false when it never will be.

        The device is the only one that CUDA then shows to this process. A stop, or a queue that
        cannot be used, ends the run here.
        """
        try:
            taken = self._stand()
        except MachineError as error:
            self._say("failed", reason=str(error), ended=time.time())
            return False
        if taken is None:
            reason = f"taken out of the queue for {_choice(self._devices)}"
            self._say("stopped", reason=reason, ended=time.time())
            return False
        os.environ["CUDA_VISIBLE_DEVICES"] = _visible(taken.device)
        self._say("starting", started=time.time())
        return True

    def _stand(self) -> Taken | None:
        keys = [device.key for device in self._devices]
        while not take_stop(self._run):
            place = self._queue.step_up(self._run.path, keys)
            if isinstance(place, Taken):
                return place
            self._tell(place)
            time.sleep(_LOOK)
        return None

    def _tell(self, place: int) -> None:
        told, at = self._told
        if place != told or time.monotonic() - at >= _HEARTBEAT:
            self._told = place, time.monotonic()
            self._say("queued", place=place, device=_choice(self._devices))

    def _say(self, state: State, **values: object) -> None:
        """Write the status; a disk that is full for a moment costs nobody their place."""
        status = Status.of_this_process(state=state, **self._known, **values)
        with suppress(MachineError):
            status.save(self._run.status_file)


def _choice(devices: Sequence[Device]) -> str:
    return devices[0].name if len(devices) == 1 else f"one of {len(devices)} GPUs"


def _visible(key: str) -> str:
    """What CUDA may show; where no driver told of a device, the first that the user lets it see."""
    if key != CPU.key:
        return key
    return os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
