"""One reading of the memory that a run uses: the process, the host, and each device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from workbench.hardware.gpus import device_memory

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class CudaUse:
    """What torch itself counts on one CUDA device, in bytes.

    ``uuid`` is the driver's name for the device, such as ``GPU-…``; without it the driver is not
    asked, because its numbering is not torch's.
    """

    index: int
    allocated: int
    reserved: int
    uuid: str = ""


def read_memory(devices: Iterable[CudaUse] = ()) -> dict[str, int]:
    """Take a reading, in bytes, under the names of the ``memory`` event.

    ``process``, ``host_used`` and ``host_total`` are always there. For CUDA device ``i`` there are
    ``cuda<i>_allocated`` and ``cuda<i>_reserved`` from torch, and as far as the driver tells them
    ``cuda<i>_process``, ``cuda<i>_used`` and ``cuda<i>_total``. Host memory counts as used when
    nobody else could have it.
    """
    host = psutil.virtual_memory()
    reading = {
        "process": psutil.Process().memory_info().rss,
        "host_used": host.total - host.available,
        "host_total": host.total,
    }
    for device in devices:
        reading |= _device_reading(device)
    return reading


def _device_reading(device: CudaUse) -> dict[str, int]:
    driver = device_memory(device.uuid)._asdict()
    told = {key: value for key, value in driver.items() if value is not None}
    values = {"allocated": device.allocated, "reserved": device.reserved, **told}
    return {f"cuda{device.index}_{key}": value for key, value in values.items()}
