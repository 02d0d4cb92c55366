"""What torch knows of the devices, for rooms that must not import it."""

from __future__ import annotations

import torch

from workbench.hardware.readings import CudaUse


def cuda_use() -> tuple[CudaUse, ...]:
    """Bytes this process has allocated and reserved on each CUDA device, none without one."""
    if not torch.cuda.is_available():
        return ()
    return tuple(
        CudaUse(
            index=index,
            allocated=torch.cuda.memory_allocated(index),
            reserved=torch.cuda.memory_reserved(index),
            uuid=f"GPU-{torch.cuda.get_device_properties(index).uuid}",
        )
        for index in range(torch.cuda.device_count())
    )
