"""The memory that programs here may use: the machine's, or the limit of the container."""

from __future__ import annotations

from typing import NamedTuple

import psutil

from workbench.core.cgroups import memory_limit


class HostMemory(NamedTuple):
    """Memory in bytes.

    Attributes:
        total: All that may be used.
        available: What programs can still get without swapping.
        limited: Whether a control group, such as a container's, allows less than the machine has.
    """

    total: int
    available: int
    limited: bool


def host_memory() -> HostMemory:
    """Read the memory of this machine, or of the control group where that is less."""
    machine = psutil.virtual_memory()
    limit = memory_limit()
    if limit is None or limit.total >= machine.total:
        return HostMemory(machine.total, machine.available, limited=False)
    left = max(0, limit.total - limit.used)
    return HostMemory(limit.total, min(left, machine.available), limited=True)
