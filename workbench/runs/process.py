"""Telling one process from every other that ever had its pid."""

from __future__ import annotations

from pathlib import Path

import psutil


def identity(pid: int) -> str | None:
    """Name a living process so that a reused pid is not taken for it; None when it does not live.

    On Linux the boot id and the start time in clock ticks, which no change of the clock moves;
    elsewhere the creation time.
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
    except (psutil.Error, OSError):
        return None
    return f"{boot}:{ticks}"
