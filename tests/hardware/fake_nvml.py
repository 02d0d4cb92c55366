"""A scripted NVML: the driver's answers as pynvml gives them."""

from __future__ import annotations

import os
from types import SimpleNamespace

GIB = 2**30


class NVMLError(Exception):
    pass


class FakeNvml:
    """Three devices; the second reports nothing, the third is a MIG slice with memory only."""

    NVMLError = NVMLError
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, *names: str) -> None:
        self.names = names or ("NVIDIA H200", "NVIDIA H200")

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 - pynvml's name
        return len(self.names)

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802 - pynvml's name
        return "580.1"

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802 - pynvml's name
        return index

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> int:  # noqa: N802 - pynvml's name
        if uuid not in ("GPU-a", "GPU-b", "MIG-c"):
            raise NVMLError("not found")
        return "abc".index(uuid[-1])

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802 - pynvml's name
        return f"GPU-{'ab'[handle]}"

    def nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802 - pynvml's name
        return self.names[handle]

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:  # noqa: N802 - pynvml's name
        if handle == 1:
            raise NVMLError("not permitted")
        return SimpleNamespace(used=3 * GIB, total=139 * GIB)

    def nvmlDeviceGetComputeRunningProcesses(  # noqa: N802 - pynvml's name
        self, handle: int
    ) -> list[SimpleNamespace]:
        if handle == 1:
            raise NVMLError("not permitted")
        return [
            SimpleNamespace(pid=os.getpid() + 1, usedGpuMemory=GIB),
            SimpleNamespace(pid=os.getpid(), usedGpuMemory=2 * GIB),
        ]

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:  # noqa: N802 - pynvml's
        self._only_whole(handle)
        return SimpleNamespace(gpu=87, memory=40)

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802 - pynvml's name
        self._only_whole(handle)
        return 412_500

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:  # noqa: N802 - pynvml's
        self._only_whole(handle)
        return 61 + sensor

    def _only_whole(self, handle: int) -> None:
        if handle != 0:
            raise NVMLError("not supported")
