"""NVIDIA devices, read from the driver through NVML and never through torch."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

T = TypeVar("T")
_MILLIWATTS = 1000


class Gpu(NamedTuple):
    """One device: its name, and its memory in bytes; None where the driver does not report it."""

    name: str
    used: int | None
    total: int | None


class DeviceState(NamedTuple):
    """What the driver reports of one device; None where it does not.

    Attributes:
        process: Bytes held by this process.
        used: Bytes held by all processes.
        total: Bytes of memory.
        utilisation: Percent of the last sampling period in which it computed.
        power: Watts drawn.
        temperature: Degrees Celsius.
    """

    process: int | None = None
    used: int | None = None
    total: int | None = None
    utilisation: int | None = None
    power: float | None = None
    temperature: int | None = None


def gpus() -> tuple[Gpu, ...]:
    """Every device of the machine; none without a driver."""
    nvml = _nvml()
    if nvml is None:
        return ()
    return tuple(_describe(nvml, handle) for handle in _handles(nvml))


def uuids() -> tuple[str, ...]:
    """The UUID of every device, in the order of nvidia-smi; none without a driver."""
    nvml = _nvml()
    if nvml is None:
        return ()
    return tuple(_text(nvml.nvmlDeviceGetUUID(handle)) for handle in _handles(nvml))


def driver_version() -> str | None:
    """The version of the NVIDIA driver; None without one."""
    nvml = _nvml()
    return None if nvml is None else _text(nvml.nvmlSystemGetDriverVersion())


def device_state(uuid: str) -> DeviceState:
    """The state of the device that torch calls ``uuid``; the driver's indices may be others.

    A MIG slice reports its own memory, and nothing that only the whole device has.
    """
    nvml = _nvml()
    handle = None if nvml is None or not uuid else _find(nvml, uuid)
    if nvml is None or handle is None:
        return DeviceState()
    used, total = _used_and_total(nvml, handle)
    return DeviceState(
        process=_process_bytes(nvml, handle),
        used=used,
        total=total,
        utilisation=_query(nvml, lambda: int(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)),
        power=_query(nvml, lambda: nvml.nvmlDeviceGetPowerUsage(handle) / _MILLIWATTS),
        temperature=_query(
            nvml, lambda: int(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
        ),
    )


@lru_cache(maxsize=1)
def _nvml() -> ModuleType | None:
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    module: ModuleType = pynvml
    return module


def _query(nvml: ModuleType, query: Callable[[], T]) -> T | None:
    """The driver's answer; None where this device, driver or slice has none."""
    try:
        return query()
    except nvml.NVMLError:
        return None


def _handles(nvml: ModuleType) -> list[Any]:
    return [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]


def _find(nvml: ModuleType, uuid: str) -> Any:
    """The handle of a UUID; torch calls a MIG slice GPU-…, the driver MIG-…."""
    for name in (uuid, uuid.replace("GPU-", "MIG-", 1)):
        with suppress(nvml.NVMLError):
            return nvml.nvmlDeviceGetHandleByUUID(name)
    return None


def _describe(nvml: ModuleType, handle: Any) -> Gpu:
    return Gpu(_text(nvml.nvmlDeviceGetName(handle)), *_used_and_total(nvml, handle))


def _used_and_total(nvml: ModuleType, handle: Any) -> tuple[int | None, int | None]:
    memory = _query(nvml, lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    return (None, None) if memory is None else (int(memory.used), int(memory.total))


def _process_bytes(nvml: ModuleType, handle: Any) -> int | None:
    """Memory of this process; unknown in a container, where the driver sees other pids."""
    processes = _query(nvml, lambda: nvml.nvmlDeviceGetComputeRunningProcesses(handle)) or ()
    own = [process.usedGpuMemory for process in processes if process.pid == os.getpid()]
    return int(own[0]) if own and own[0] is not None else None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
