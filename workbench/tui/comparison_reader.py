"""What is known of the runs that are compared: read again only where something is new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.core.errors import FtwbError
from workbench.runs.view import RunFollower

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workbench.evaluation.analysis.comparison import Comparison, JudgedRun
    from workbench.runs.folder import RunFolder
    from workbench.runs.series import Series

_LOSS = "train.loss"


@dataclass(frozen=True)
class ComparedRuns:
    """Runs side by side.

    Attributes:
        comparison: Of those that have a report.
        losses: By run, those with a report first; a run at work has no more than this.
        troubles: Why a report could not be read, one line each.
    """

    comparison: Comparison
    losses: dict[str, Series]
    troubles: tuple[str, ...]


class ComparisonReader:
    """Follows the logs of runs and keeps their judged reports; for one thread at a time."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._followers: dict[str, RunFollower] = {}
        self._reports: dict[str, tuple[int, JudgedRun]] = {}

    def standings(self, chosen: Iterable[RunFolder]) -> ComparedRuns:
        """Read what is new of the ``chosen`` runs, and set them side by side in their order."""
        from workbench.evaluation.analysis.comparison import compare

        runs = list(chosen)
        troubles: list[str] = []
        found: dict[str, JudgedRun] = {}
        for run in runs:
            try:
                if contestant := self._contestant(run):
                    found[run.id] = contestant
            except FtwbError as error:
                troubles.append(str(error))
        losses = {run.id: self._loss(run) for run in sorted(runs, key=lambda r: r.id not in found)}
        known = {run: loss for run, loss in losses.items() if loss}
        return ComparedRuns(compare(list(found.values())), known, tuple(troubles))

    def _contestant(self, run: RunFolder) -> JudgedRun | None:
        """The judged report, judged anew where it was written anew; None where there is none."""
        from workbench.evaluation.analysis.comparison import read_judged_run

        if not run.report.is_file():
            return None
        written = run.report.stat().st_mtime_ns
        known = self._reports.get(run.id)
        if known is None or known[0] != written:
            known = self._reports[run.id] = written, read_judged_run(run)
        return known[1]

    def _loss(self, run: RunFolder) -> Series | None:
        if run.id not in self._followers:
            self._followers[run.id] = RunFollower(run)
        return self._followers[run.id].poll().series.get(_LOSS)
