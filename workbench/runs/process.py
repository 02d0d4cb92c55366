"""Telling a process from any other that had the same pid before or after it."""

from __future__ import annotations

from pathlib import Path

import psutil


def process_identity(pid: int) -> str | None:
    """Identify a living process even if its pid is reused; None if it is not alive.

    On Linux it is the boot id and the start time in clock ticks, which do not depend on the system
    clock; elsewhere the creation time.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists():
            return f"created:{process.create_time()}"
        ticks = stat.read_text().rpartition(")")[2].split()[19]
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (psutil.Error, OSError, ValueError, OverflowError, IndexError):
        return None
    return f"{boot}:{ticks}"
