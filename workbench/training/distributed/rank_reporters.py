"""Which of several processes reports what: the main one everything but why it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from workbench.runs.status import Status
from workbench.training.distributed.rank_main import report_to_launcher
from workbench.training.reporting.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.runs.status import State
    from workbench.training.distributed.process_group import ProcessGroup

T = TypeVar("T")


def reporter_of(run: RunFolder, processes: ProcessGroup, worker: int | None) -> Reporter:
    """The reporter of one process.

    Args:
        run: The run.
        processes: The process among the others.
        worker: Pid of the worker that has started them and reports failures; without one the main
            process does.
    """
    if not processes.is_main:
        return SilentReporter(run)
    return Reporter(run) if worker is None else MainRankReporter(run, worker)


class MainRankReporter(Reporter):
    """Leaves failures to the worker: another process may have failed first."""

    def event_without_retry(self, kind: str, **values: Any) -> None:
        """Leave it to the worker."""

    def end(self, state: State, reason: str) -> None:
        """Record the last state of the run, unless it failed."""
        if state == "failed":
            report_to_launcher(reason)
        else:
            super().end(state, reason)


class SilentReporter(Reporter):
    """Writes nothing: the main process does."""

    def __init__(self, run: RunFolder) -> None:
        """Follow a run that another process writes."""
        self._run = run
        self.status = Status()

    def event(self, kind: str, **values: Any) -> None:
        """Leave it to the main process."""

    def event_without_retry(self, kind: str, **values: Any) -> None:
        """Leave it to the main process."""

    def set_state(self, state: State, reason: str = "") -> None:
        """Leave it to the main process."""

    def end(self, state: State, reason: str) -> None:
        """Report a failure to the launcher, unless it only follows the end of the main process."""
        if state == "failed" and self._run.status().live:
            report_to_launcher(reason)

    def retry_when_disk_full(self, write: Callable[[], T], also: Path | None = None) -> T:
        """Write once: only the main process waits for space on a disk."""
        del also
        return write()

    def phase(
        self, name: str, detail: str = "", done: int = 0, total: int = 0, *, stoppable: bool = True
    ) -> None:
        """Leave it to the main process, stopping included."""

    def step(self, step: int, total: int) -> None:
        """Keep the step, without writing it."""
        self.status = self.status.model_copy(update={"step": step, "total": total})
