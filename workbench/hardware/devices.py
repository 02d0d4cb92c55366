"""The devices that a run may use, named the same in every session of this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from workbench.hardware.gpus import uuids
from workbench.hardware.packages import version_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Device(NamedTuple):
    """One device.

    Attributes:
        name: ``cuda:0``, with nvidia-smi's number, or ``cpu``.
        key: Its UUID, which is unambiguous in ``CUDA_VISIBLE_DEVICES``, or ``cpu``.
    """

    name: str
    key: str


CPU = Device("cpu", "cpu")


def usable_devices() -> tuple[Device, ...]:
    """The CUDA devices in ``CUDA_VISIBLE_DEVICES``, or the CPU; without loading torch.

    Numbers are read as nvidia-smi's. As in CUDA, the list ends at a device that does not exist.
    """
    devices = [Device(f"cuda:{index}", uuid) for index, uuid in enumerate(uuids())]
    if not devices or "+cpu" in (version_of("torch") or ""):
        return (CPU,)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    usable = devices if visible is None else _visible(visible.split(","), devices)
    return tuple(dict.fromkeys(usable)) or (CPU,)


def _visible(names: Sequence[str], devices: Sequence[Device]) -> Iterator[Device]:
    for name in map(str.strip, names):
        device = _find(name, devices)
        if device is None:
            return
        yield device


def _find(name: str, devices: Sequence[Device]) -> Device | None:
    """The device with a number, with the beginning of a UUID, or a MIG slice of one."""
    if name.startswith("MIG-"):
        return Device(f"cuda:{name}", name)
    if name.isdecimal():
        return devices[int(name)] if int(name) < len(devices) else None
    matching = [device for device in devices if name and device.key.startswith(name)]
    return matching[0] if len(matching) == 1 else None
