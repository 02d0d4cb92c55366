"""What torch knows of the devices, for rooms that must not import it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import torch

from workbench.hardware.readings import CudaUse

if TYPE_CHECKING:
    from collections.abc import Callable


def cuda_use() -> tuple[CudaUse, ...]:
    """What torch counts on each CUDA or ROCm device, none without one."""
    if not torch.cuda.is_available():
        return ()
    return tuple(map(_use, range(torch.cuda.device_count())))


def _use(index: int) -> CudaUse:
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
        utilisation=_ask(torch.cuda.utilization, index) if amd else None,
        power=(_ask(torch.cuda.power_draw, index) or None) if amd else None,
        temperature=_ask(torch.cuda.temperature, index) if amd else None,
    )


def _ask(question: Callable[[int], object], index: int) -> float | None:
    """What AMD's library tells through torch; None where it is absent, refuses or says "N/A".

    It speaks of watts, where torch's page promises milliwatts, and says 0 W for unknown.
    """
    answer: object = None
    with suppress(Exception):  # its errors have no name that is known without the library
        answer = question(index)
    return answer if isinstance(answer, int | float) else None
