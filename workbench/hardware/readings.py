"""Readings of what a run uses: the process, the host, the disk and each device."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import psutil

from workbench.hardware.gpus import device_state
from workbench.hardware.host_memory import host_memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_IDENTITY = ("index", "uuid")
"""Fields that identify a device and are not measurements."""

_FIRST_DEVICE = "cuda0_"


@dataclass(frozen=True)
class CudaUse:
    """What torch reports of one CUDA or ROCm device, memory in bytes.

    Attributes:
        index: Torch's number of the device.
        allocated: Memory in tensors of this process.
        reserved: Memory that torch's allocator holds for them.
        uuid: The device's UUID, such as ``GPU-…``; without it the driver is not queried, because
            its numbers may differ from torch's.
        used: Memory in use by all processes; None where torch does not report it.
        total: Memory of the device; None where torch does not report it.
        utilisation: Percent of the last sampling period in which it computed. Torch reports this
            and the following on AMD only.
        power: Watts drawn.
        temperature: Degrees Celsius.
    """

    index: int
    allocated: int
    reserved: int
    uuid: str = ""
    used: int | None = None
    total: int | None = None
    utilisation: float | None = None
    power: float | None = None
    temperature: float | None = None


def read_memory(
    devices: Iterable[CudaUse] = (), folder: Path | None = None
) -> dict[str, int | float]:
    """Read memory and devices, with the keys of the ``memory`` event; in bytes unless noted.

    Args:
        devices: What torch reports of each device.
        folder: Where to measure the disk; None leaves it out.

    Returns:
        Always ``process``, ``host_used`` (memory that is not available to other programs) and
        ``host_total``, both of the container where it allows less than the machine has, and then
        ``container_limit``; with a folder, ``disk_free`` and ``disk_total``. For device ``i``,
        ``cuda<i>_allocated`` and ``cuda<i>_reserved`` from torch and, where the driver or else
        torch reports them, ``cuda<i>_process``, ``cuda<i>_used``, ``cuda<i>_total``,
        ``cuda<i>_utilisation`` (percent), ``cuda<i>_power`` (watts) and ``cuda<i>_temperature``
        (degrees Celsius).
    """
    host = host_memory()
    reading: dict[str, int | float] = {
        "process": psutil.Process().memory_info().rss,
        "host_used": host.total - host.available,
        "host_total": host.total,
    }
    if host.limited:
        reading["container_limit"] = host.total
    if folder is not None:
        disk = shutil.disk_usage(folder)
        reading |= {"disk_free": disk.free, "disk_total": disk.total}
    for device in devices:
        reading |= _device_reading(device)
    return reading


def merge_readings(readings: Sequence[Mapping[str, int | float]]) -> dict[str, int | float]:
    """Merge the readings of processes that train together, each of which sees one device.

    Memory of the processes is added up, and the device of process ``i`` becomes ``cuda<i>_``. Host
    and disk are those of the first process.
    """
    merged = dict(readings[0])
    for number, reading in enumerate(readings[1:], 1):
        merged["process"] += reading["process"]
        for key, value in reading.items():
            if key.startswith(_FIRST_DEVICE):
                merged[f"cuda{number}_{key.removeprefix(_FIRST_DEVICE)}"] = value
    return merged


def _device_reading(device: CudaUse) -> dict[str, int | float]:
    torch_values = {key: value for key, value in asdict(device).items() if key not in _IDENTITY}
    values = torch_values | _present(device_state(device.uuid)._asdict())
    return {f"cuda{device.index}_{key}": value for key, value in _present(values).items()}


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
