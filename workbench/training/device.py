"""What torch knows of the devices, for rooms that must not import it."""

from __future__ import annotations

import torch

from workbench.hardware.readings import CudaUse


def cuda_use() -> tuple[CudaUse, ...]:
    """What torch counts on each CUDA or ROCm device, none without one."""
    if not torch.cuda.is_available():
        return ()
    return tuple(map(_use, range(torch.cuda.device_count())))


def _use(index: int) -> CudaUse:
    free, total = torch.cuda.mem_get_info(index)
    return CudaUse(
        index=index,
        allocated=torch.cuda.memory_allocated(index),
        reserved=torch.cuda.memory_reserved(index),
        uuid=f"GPU-{torch.cuda.get_device_properties(index).uuid}",
        used=total - free,
        total=total,
    )
