"""Readings of memory while a run is at work: on each step, and while it measures."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from workbench.hardware.readings import read_memory, together
from workbench.training.reporting.torch_devices import cuda_use

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder
    from workbench.training.distributed.process_group import ProcessGroup
    from workbench.training.reporting.reporter import Reporter

_INTERVAL = 0.5
"""Seconds between two readings."""


class MemoryMonitor:
    """Tells of memory in events, not too often."""

    def __init__(self, run: RunFolder, reporter: Reporter, processes: ProcessGroup) -> None:
        """Read for a run that ``team`` works on."""
        self._run = run
        self._reporter = reporter
        self._processes = processes
        self._read = 0.0

    def step(self) -> None:
        """Read the devices of all processes, which must all call this."""
        if self._processes.from_main(self._due):
            self._tell(self._processes.gather(self._own()))

    def glance(self) -> None:
        """Read this process's own device, whatever the others do."""
        if self._due():
            self._tell([self._own()])

    def _due(self) -> bool:
        return time.monotonic() - self._read >= _INTERVAL

    def _own(self) -> dict[str, int | float]:
        return read_memory(cuda_use(), self._run.path)

    def _tell(self, readings: list[dict[str, int | float]]) -> None:
        self._read = time.monotonic()
        self._reporter.event("memory", **together(readings))
