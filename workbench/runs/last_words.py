"""Why a worker ended that could not say so itself, from what it left behind."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from workbench.core.cgroups import memory_limit, oom_kills
from workbench.core.formatting import GIB
from workbench.runs.events import newest_lines, parse_event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.runs.folder import RunFolder
    from workbench.runs.status import Status

OWN_LINE = "%Y-%m-%d %H:%M:%S"
"""How the worker's own lines in its log begin, for :func:`time.strftime`."""

_OWN_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ")
_NO_CAUSE = re.compile(
    r"Warning\b|\bWARN(ING)?\b|warnings\.warn\(|\bwarning:|\bdeprecated\b"  # of libraries
    r"|\d%\|.*\||\bit/s\b|\bs/it\b"  # progress bars
    r"|\bINFO\b|\bDEBUG\b"
)
_LONGEST_QUOTE = 200
_TAIL_BYTES = 64 << 10
_HIGH_USE = 0.8
"""Share of the memory in use from which on a kill on this machine was probably this worker's."""

_REMEDY = (
    "use a smaller training.micro_batch_size or training.sequence_length, strategy.kind=qlora or a "
    "smaller base, or give it more memory; 'ftwb estimate' says how much a recipe needs"
)


def last_words(lines: Sequence[str]) -> str:
    """The last line of a log that may say why its process ended; empty if none does.

    Warnings of libraries and progress bars are no cause; what was written before a line of the
    worker's own was survived.
    """
    for line in reversed(lines):
        if _OWN_LINE.search(line):
            return ""
        if line.strip() and not _NO_CAUSE.search(line):
            return line.strip()[-_LONGEST_QUOTE:]
    return ""


def killed_for_memory(run: RunFolder, status: Status) -> str:
    """Why the worker of a lost run was killed by the kernel for want of memory; empty if not.

    The kernel counts such kills in the control group that is limited. Without a limit it counts
    those of the whole machine, and the worker's last reading has to show that memory was short.
    """
    if status.oom_kills is None or status.host != socket.gethostname():
        return ""
    if oom_kills() <= status.oom_kills:
        return ""
    limit = memory_limit()
    if limit is not None:
        where = f"the memory of its container, {limit.total / GIB:.1f} GiB,"
    elif _use_at_the_end(run) >= _HIGH_USE:
        where = "the memory of this machine"
    else:
        return ""
    return f"the kernel killed the worker (pid {status.pid}) because {where} was used up: {_REMEDY}"


def _use_at_the_end(run: RunFolder) -> float:
    """Share of the memory that was in use at the last reading."""
    try:
        lines = newest_lines(run.events, _TAIL_BYTES)
    except OSError:
        return 0.0
    for event in filter(None, map(parse_event, reversed(lines))):
        used, total = event.get("host_used"), event.get("host_total")
        if event["kind"] == "memory" and used and total:
            return float(used / total)
    return 0.0
