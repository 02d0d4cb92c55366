"""Who of several processes tells the world what: the first one all but how it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from workbench.runs.status import Status
from workbench.training.distributed.rank_main import tell_launcher
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
        processes: The process, among the others.
        worker: Pid of the worker that has started them and tells how they failed; without one the
            first process does.
    """
    if not processes.is_main:
        return SilentReporter(run)
    return Reporter(run) if worker is None else MainRankReporter(run, worker)


class MainRankReporter(Reporter):
    """Leaves it to the worker to say how the run failed: another process may have failed first."""

    def last_event(self, kind: str, **values: Any) -> None:
        """Leave it to the worker."""

    def end(self, state: State, reason: str) -> None:
        """Move the run to its last state, unless it failed."""
        if state == "failed":
            tell_launcher(reason)
        else:
            super().end(state, reason)


class SilentReporter(Reporter):
    """Says nothing: the first process does."""

    def __init__(self, run: RunFolder) -> None:
        """Look at a run that another process keeps true."""
        self._run = run
        self.status = Status()

    def event(self, kind: str, **values: Any) -> None:
        """Leave it to the first process."""

    def last_event(self, kind: str, **values: Any) -> None:
        """Leave it to the first process."""

    def state(self, state: State, reason: str = "") -> None:
        """Leave it to the first process."""

    def end(self, state: State, reason: str) -> None:
        """Say only how it failed, unless it did because the first one has ended the run."""
        if state == "failed" and self._run.status().live:
            tell_launcher(reason)

    def retry_when_disk_full(self, write: Callable[[], T], also: Path | None = None) -> T:
        """Only the first process waits for room on a disk."""
        del also
        return write()

    def phase(
        self, name: str, detail: str = "", done: int = 0, total: int = 0, *, stoppable: bool = True
    ) -> None:
        """Leave it to the first process, and stopping too."""

    def step(self, step: int, total: int) -> None:
        """Know how far training is."""
        self.status = self.status.model_copy(update={"step": step, "total": total})
