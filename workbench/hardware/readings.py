"""One reading of what a run uses: the process, the host, the disk and each device."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import psutil

from workbench.hardware.gpus import device_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_NAMES = ("index", "uuid")
"""What says which device it is."""

_OWN_DEVICE = "cuda0_"


@dataclass(frozen=True)
class CudaUse:
    """What torch itself counts on one CUDA or ROCm device, in bytes.

    Attributes:
        index: Torch's number of the device.
        allocated: Held by tensors of this process.
        reserved: Held by torch's allocator for them.
        uuid: The driver's name for the device, such as ``GPU-…``; without it the driver is not
            asked, because its numbering is not torch's.
        used: Held by all processes, where torch tells it.
        total: There are, where torch tells it.
        utilisation: Percent of the last moments in which it computed; this and what follows is
            told by torch on AMD alone.
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
    """Take a reading under the names of the ``memory`` event, in bytes unless told otherwise.

    ``process``, ``host_used`` and ``host_total`` are always there, and with a ``folder``
    ``disk_free`` and ``disk_total`` of the disk it is on. For CUDA device ``i`` there are
    ``cuda<i>_allocated`` and ``cuda<i>_reserved`` from torch, and as far as the driver tells them
    ``cuda<i>_process``, ``cuda<i>_used``, ``cuda<i>_total``, ``cuda<i>_utilisation`` (percent),
    ``cuda<i>_power`` (watts) and ``cuda<i>_temperature`` (degrees Celsius). Where there is no
    NVML to ask, as on AMD, they are torch's as far as it tells them. Host memory counts as used
    when nobody else could have it.
    """
    host = psutil.virtual_memory()
    reading: dict[str, int | float] = {
        "process": psutil.Process().memory_info().rss,
        "host_used": host.total - host.available,
        "host_total": host.total,
    }
    if folder is not None:
        disk = shutil.disk_usage(folder)
        reading |= {"disk_free": disk.free, "disk_total": disk.total}
    for device in devices:
        reading |= _device_reading(device)
    return reading


def together(readings: Sequence[Mapping[str, int | float]]) -> dict[str, int | float]:
    """One reading of a run from those of its processes, each of which sees one device.

    The first one's, with the memory of all processes added up, and with the device of process
    ``i`` as ``cuda<i>_``. Of host and disk the first one's are told.
    """
    told = dict(readings[0])
    for number, reading in enumerate(readings[1:], 1):
        told["process"] += reading["process"]
        for key, value in reading.items():
            if key.startswith(_OWN_DEVICE):
                told[f"cuda{number}_{key.removeprefix(_OWN_DEVICE)}"] = value
    return told


def _device_reading(device: CudaUse) -> dict[str, int | float]:
    driver = device_state(device.uuid)._asdict()
    told = {key: value for key, value in driver.items() if value is not None}
    own = asdict(device)
    counted = {key: value for key, value in own.items() if key not in _NAMES and value is not None}
    return {f"cuda{device.index}_{key}": value for key, value in {**counted, **told}.items()}
