"""The list of runs, read cheaply and often: what cannot change is read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.runs.checkpoints import resumable_from
from workbench.runs.events import newest_lines, parse_event
from workbench.runs.faults import fault_of, recipe_words, report_fault
from workbench.runs.folder import RunFolder, Runs

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.status import Status

Stamp = tuple[tuple[int, int, int] | None, ...]
"""What changes whenever one of some files does."""

_TAIL_BYTES = 16 << 10


@dataclass(frozen=True)
class RunSnapshot:
    """What decides which actions apply to a run, at one moment.

    Attributes:
        has_result: Whether a tuned model was saved.
        has_report: Whether the report was written.
        resumable_step: The step that a resume would start from, 0 where it cannot be resumed.
    """

    run: RunFolder
    status: Status
    has_result: bool
    has_report: bool
    resumable_step: int

    @classmethod
    def read(cls, run: RunFolder) -> RunSnapshot:
        """Look at the files of ``run``."""
        return cls.of(run, run.status())

    @classmethod
    def of(cls, run: RunFolder, status: Status) -> RunSnapshot:
        """Look at the files of ``run``, whose ``status`` was just read."""
        step = resumable_from(run, status)
        return cls(run, status, run.has_result(), run.files.is_file(run.report), step)


@dataclass(frozen=True)
class RunRow:
    """One run in a list.

    Attributes:
        model: The base model as the recipe names it.
        strategy: The kind of strategy.
        loss: The newest training loss, None before the first step.
        stamp: Changes whenever status or report are replaced.
        error: What is wrong with its folder, in one line; empty if nothing is.
    """

    snapshot: RunSnapshot
    name: str
    model: str
    strategy: str
    loss: float | None
    stamp: Stamp = ()
    error: str = ""

    @property
    def run(self) -> RunFolder:
        """The folder of the run."""
        return self.snapshot.run

    @property
    def status(self) -> Status:
        """The status at the time of reading."""
        return self.snapshot.status


class RunIndex:
    """Reads all runs, remembering recipes, and runs that have ended and did not change since."""

    def __init__(self, root: Path) -> None:
        """Index the runs below ``root``, reading nothing yet."""
        self._runs = Runs(root)
        self._recipes: dict[str, tuple[str, str, str]] = {}
        self._ended: dict[str, RunRow] = {}
        self._reports: dict[str, tuple[Stamp, str]] = {}

    def read(self) -> tuple[RunRow, ...]:
        """Every run as it is now, newest first; one that is damaged is a row that says so.

        Raises:
            MachineError: The folder of runs cannot be read.
        """
        return tuple(self._row(run) for run in self._runs.list())

    def _row(self, run: RunFolder) -> RunRow:
        stamp = _stamp(run)
        ended = self._ended.get(run.id)
        if ended and ended.stamp == stamp:
            return ended
        error = fault_of(run) or self._report_fault(run)
        words = self._words(run)
        row = RunRow(RunSnapshot.read(run), *words, last_loss(run), stamp, error)
        if not (row.status.live or row.status.state == "lost" or error):
            self._ended[run.id] = row
        return row

    def _words(self, run: RunFolder) -> tuple[str, str, str]:
        if run.id not in self._recipes:
            try:
                self._recipes[run.id] = recipe_words(run)
            except BadInputError:
                return run.id, "", ""
        return self._recipes[run.id]

    def _report_fault(self, run: RunFolder) -> str:
        """What is wrong with the report, which is read again only once it has changed."""
        stamp = run.files.stamp(run.report)
        known = self._reports.get(run.id)
        if known is None or known[0] != (stamp,):
            known = self._reports[run.id] = (stamp,), report_fault(run)
        return known[1]


def _stamp(run: RunFolder) -> Stamp:
    return tuple(run.files.stamp(file) for file in (run.status_file, run.report))


def last_loss(run: RunFolder) -> float | None:
    """The newest training loss, looked for in the tail of the event log only."""
    try:
        lines = newest_lines(run.events, _TAIL_BYTES)
    except OSError:
        return None
    for line in reversed(lines):
        if b'"kind": "train"' in line and (event := parse_event(line)):
            loss = event.get("loss")
            return None if loss is None else float(loss)
    return None
