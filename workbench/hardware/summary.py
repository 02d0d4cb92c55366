"""The machine in one line."""

from __future__ import annotations

from collections import Counter

from workbench.core.cgroups import processors
from workbench.core.formatting import GIB
from workbench.hardware.gpus import Gpu, gpus
from workbench.hardware.host_memory import host_memory

_TIMES = "\N{MULTIPLICATION SIGN}"


def machine_summary() -> str:
    """Describe the machine, such as ``2 cores · 24 GiB · no GPU``, quickly and without torch."""
    devices = gpus()
    return _gpu_summary(devices) if devices else _cpu_summary()


def _cpu_summary() -> str:
    cores, memory = processors(), host_memory()
    where = " in this container" if memory.limited else ""
    size = f"{memory.total / GIB:.{int(memory.total < 10 * GIB and memory.limited)}f} GiB"
    return f"{cores} core{'s' if cores > 1 else ''} · {size}{where} · no GPU"


def _gpu_summary(devices: tuple[Gpu, ...]) -> str:
    models = Counter((_short_name(device.name), device.total) for device in devices)
    counts = [f"{count}{_TIMES}{name}{_gib(total)}" for (name, total), count in models.items()]
    used = [device.used for device in devices if device.used is not None]
    return " + ".join(counts) + (f" ·{_gib(sum(used))} used" if used else "")


def _short_name(name: str) -> str:
    return name.removeprefix("NVIDIA ").removeprefix("GeForce ")


def _gib(size: int | None) -> str:
    return "" if size is None else f" {size / GIB:.0f} GiB"
