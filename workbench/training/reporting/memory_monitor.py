"""Memory readings of a run: after each step, and while it loads and measures."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from workbench.hardware.readings import merge_readings, read_memory
from workbench.training.reporting.torch_devices import cuda_use

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder
    from workbench.training.distributed.process_group import ProcessGroup
    from workbench.training.reporting.reporter import Reporter

_INTERVAL_SECONDS = 0.5


class MemoryMonitor:
    """Writes ``memory`` events, at most one in half a second."""

    def __init__(self, run: RunFolder, reporter: Reporter, processes: ProcessGroup) -> None:
        """Read for the run that ``processes`` work on."""
        self._run = run
        self._reporter = reporter
        self._processes = processes
        self._last = 0.0

    def record_all(self) -> None:
        """Read the devices of all processes, which must all call this."""
        if self._processes.from_main(self._due):
            self._record(self._processes.gather(self._read()))

    def record_own(self) -> None:
        """Read this process's device, whatever the others do."""
        if self._due():
            self._record([self._read()])

    def _due(self) -> bool:
        return time.monotonic() - self._last >= _INTERVAL_SECONDS

    def _read(self) -> dict[str, int | float]:
        return read_memory(cuda_use(), self._run.path)

    def _record(self, readings: list[dict[str, int | float]]) -> None:
        self._last = time.monotonic()
        self._reporter.event("memory", **merge_readings(readings))
