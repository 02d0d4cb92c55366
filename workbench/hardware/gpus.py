"""What the NVIDIA driver says of its devices, asked through NVML and never through torch."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from types import ModuleType


class Gpu(NamedTuple):
    """One device: its name, and its memory in bytes (None where the driver does not tell)."""

    name: str
    used: int | None
    total: int | None


class DeviceMemory(NamedTuple):
    """Bytes of one device: held by this process, by all, and there are; None where unknown."""

    process: int | None
    used: int | None
    total: int | None


def gpus() -> tuple[Gpu, ...]:
    """Every device of the machine, none without a driver."""
    nvml = _nvml()
    if nvml is None:
        return ()
    handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
    return tuple(_describe(nvml, handle) for handle in handles)


def uuids() -> tuple[str, ...]:
    """What the driver calls every device, in the order of nvidia-smi; none without a driver."""
    nvml = _nvml()
    if nvml is None:
        return ()
    handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
    return tuple(_text(nvml.nvmlDeviceGetUUID(handle)) for handle in handles)


def driver_version() -> str | None:
    """The version of the NVIDIA driver; None without one."""
    nvml = _nvml()
    return None if nvml is None else _text(nvml.nvmlSystemGetDriverVersion())


def device_memory(uuid: str) -> DeviceMemory:
    """Read the memory of the device that torch calls ``uuid``; no index names it reliably."""
    nvml = _nvml()
    if nvml is None or not uuid:
        return DeviceMemory(None, None, None)
    try:
        handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
    except nvml.NVMLError:
        return DeviceMemory(None, None, None)
    return DeviceMemory(_process_bytes(nvml, handle), *_used_and_total(nvml, handle))


@lru_cache(maxsize=1)
def _nvml() -> ModuleType | None:
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    module: ModuleType = pynvml
    return module


def _describe(nvml: ModuleType, handle: Any) -> Gpu:
    return Gpu(_text(nvml.nvmlDeviceGetName(handle)), *_used_and_total(nvml, handle))


def _used_and_total(nvml: ModuleType, handle: Any) -> tuple[int | None, int | None]:
    try:
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    except nvml.NVMLError:
        return None, None
    return int(memory.used), int(memory.total)


def _process_bytes(nvml: ModuleType, handle: Any) -> int | None:
    """Memory of this process; unknown in a container, where the driver counts other pids."""
    try:
        processes = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    except nvml.NVMLError:
        return None
    own = [process.usedGpuMemory for process in processes if process.pid == os.getpid()]
    return int(own[0]) if own and own[0] is not None else None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
