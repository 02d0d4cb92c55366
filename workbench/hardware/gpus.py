"""What the NVIDIA driver says of its devices, asked through NVML and never through torch."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

T = TypeVar("T")
_MILLI = 1000


class Gpu(NamedTuple):
    """One device: its name, and its memory in bytes (None where the driver does not tell)."""

    name: str
    used: int | None
    total: int | None


class DeviceState(NamedTuple):
    """What the driver tells of one device; None where it does not.

    Attributes:
        process: Bytes held by this process.
        used: Bytes held by all processes.
        total: Bytes there are.
        utilisation: Percent of the last moments in which it computed.
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


def device_state(uuid: str) -> DeviceState:
    """Ask for the device that torch calls ``uuid``; no index names it reliably.

    A MIG slice tells its own memory; what only the whole device has stays unknown.
    """
    nvml = _nvml()
    handle = None if nvml is None or not uuid else _handle(nvml, uuid)
    if nvml is None or handle is None:
        return DeviceState()
    used, total = _used_and_total(nvml, handle)
    return DeviceState(
        process=_process_bytes(nvml, handle),
        used=used,
        total=total,
        utilisation=_ask(nvml, lambda: int(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)),
        power=_ask(nvml, lambda: nvml.nvmlDeviceGetPowerUsage(handle) / _MILLI),
        temperature=_ask(
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


def _ask(nvml: ModuleType, question: Callable[[], T]) -> T | None:
    """The driver's answer; None where this device, driver or slice has none."""
    try:
        return question()
    except nvml.NVMLError:
        return None


def _handle(nvml: ModuleType, uuid: str) -> Any:
    """The device of that name, which for a slice of one begins with MIG."""
    for name in (uuid, uuid.replace("GPU-", "MIG-", 1)):
        with suppress(nvml.NVMLError):
            return nvml.nvmlDeviceGetHandleByUUID(name)
    return None


def _describe(nvml: ModuleType, handle: Any) -> Gpu:
    return Gpu(_text(nvml.nvmlDeviceGetName(handle)), *_used_and_total(nvml, handle))


def _used_and_total(nvml: ModuleType, handle: Any) -> tuple[int | None, int | None]:
    memory = _ask(nvml, lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    return (None, None) if memory is None else (int(memory.used), int(memory.total))


def _process_bytes(nvml: ModuleType, handle: Any) -> int | None:
    """Memory of this process; unknown in a container, where the driver counts other pids."""
    processes = _ask(nvml, lambda: nvml.nvmlDeviceGetComputeRunningProcesses(handle)) or ()
    own = [process.usedGpuMemory for process in processes if process.pid == os.getpid()]
    return int(own[0]) if own and own[0] is not None else None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
