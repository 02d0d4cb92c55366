"""What torch knows of the devices, for rooms that must not import it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import torch

from workbench.hardware.readings import CudaUse

if TYPE_CHECKING:
    from collections.abc import Callable


def cuda_use() -> tuple[CudaUse, ...]:
    """The memory in use on each CUDA or ROCm device; empty without one."""
    if not torch.cuda.is_available():
        return ()
    return tuple(map(_read, range(torch.cuda.device_count())))


def _read(index: int) -> CudaUse:
    free, total = torch.cuda.mem_get_info(index)
    amd = torch.version.hip is not None
    uuid = "" if amd else f"GPU-{torch.cuda.get_device_properties(index).uuid}"
    return CudaUse(
        index=index,
        allocated=torch.cuda.memory_allocated(index),
        reserved=torch.cuda.memory_reserved(index),
        uuid=uuid,
        used=total - free,
        total=total,
        utilisation=_amd_reading(torch.cuda.utilization, index) if amd else None,
        power=(_amd_reading(torch.cuda.power_draw, index) or None) if amd else None,
        temperature=_amd_reading(torch.cuda.temperature, index) if amd else None,
    )


def _amd_reading(read: Callable[[int], object], index: int) -> float | None:
    """A reading of AMD's library through torch; None where it is absent, refuses or says "N/A".

    It returns watts, where torch's documentation promises milliwatts, and 0 W for unknown.
    """
    value: object = None
    with suppress(Exception):  # its errors have no name that is known without the library
        value = read(index)
    return value if isinstance(value, int | float) else None
