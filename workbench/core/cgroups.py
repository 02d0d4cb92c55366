"""What the kernel allows this process: memory and processors of its control group, v1 or v2.

In a container the machine's own numbers are those of the host, while the kernel kills what uses
more than the group may. A group is limited by those above it too; inside a container only the own
one may be visible, as the root.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_MOUNT = Path("/sys/fs/cgroup")
_SELF = Path("/proc/self/cgroup")
_VMSTAT = Path("/proc/vmstat")
_UNLIMITED = 1 << 60
"""Bytes from which on a limit of v1 is none."""


class MemoryLimit(NamedTuple):
    """The tightest limit of memory, in bytes.

    Attributes:
        total: What the group may use.
        used: What it uses, without files that the kernel drops when memory runs short.
        oom_kills: Processes of the group that the kernel has killed for want of memory.
    """

    total: int
    used: int
    oom_kills: int


def memory_limit() -> MemoryLimit | None:
    """The tightest limit on the memory of this process; None where there is none."""
    limits = [limit for folder in _groups("memory") if (limit := _memory_limit(folder))]
    return min(limits, default=None)


def processors() -> int:
    """Processors that this process may keep busy: by its affinity and its group's quota."""
    allowed = float(len(os.sched_getaffinity(0)))
    quotas = [quota for folder in _groups("cpu") if (quota := _quota(folder)) is not None]
    return max(1, int(min([allowed, *quotas])))


def oom_kills() -> int:
    """How many processes the kernel has killed for want of memory: in the limited group, or ever.

    Where no group is limited it counts those of the whole machine since it was started.
    """
    limit = memory_limit()
    return limit.oom_kills if limit else _field(_VMSTAT, "oom_kill")


def _groups(controller: str) -> list[Path]:
    """The folders of the group of this process and of those above it, as far as they are seen."""
    for line in _lines(_SELF):
        _number, names, path = line.split(":", 2)
        base = _base(names, controller)
        if base is not None:
            own = base / path.lstrip("/")
            below = own if own.is_dir() else base
            return [below, *(parent for parent in below.parents if parent.is_relative_to(base))]
    return []


def _base(names: str, controller: str) -> Path | None:
    """Where a line of ``/proc/self/cgroup`` has its groups, if it is about the controller."""
    if not names:
        return _MOUNT if (_MOUNT / "cgroup.controllers").exists() else None
    if controller not in names.split(","):
        return None
    return next((_MOUNT / name for name in (names, controller) if (_MOUNT / name).is_dir()), None)


def _memory_limit(folder: Path) -> MemoryLimit | None:
    """The limit of one group, from the files of v2 or of v1."""
    for limit, usage, dropped, events in (
        ("memory.max", "memory.current", "inactive_file", "memory.events"),
        (
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
            "total_inactive_file",
            "memory.oom_control",
        ),
    ):
        total, used = _number(folder / limit), _number(folder / usage)
        if total is not None and used is not None and total < _UNLIMITED:
            kept = used - _field(folder / "memory.stat", dropped)
            return MemoryLimit(total, max(0, kept), _field(folder / events, "oom_kill"))
    return None


def _quota(folder: Path) -> float | None:
    """Processors' worth of time that a group may use; None without a limit."""
    words = " ".join(_lines(folder / "cpu.max")).split()
    if len(words) == 2 and words[0].isdigit():
        return int(words[0]) / int(words[1])
    quota, period = (_number(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    return quota / period if quota and period and quota > 0 else None


def _number(file: Path) -> int | None:
    with suppress(ValueError, IndexError):
        return int(_lines(file)[0])
    return None


def _field(file: Path, name: str) -> int:
    """The number after a name at the start of a line; 0 where there is no such line."""
    for line in _lines(file):
        key, _, value = line.partition(" ")
        if key == name and value.strip().isdigit():
            return int(value)
    return 0


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
