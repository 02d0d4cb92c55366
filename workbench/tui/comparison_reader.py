"""Reads the runs of a comparison, and reads again only what has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.core.errors import FtwbError
from workbench.runs.view import RunFollower
from workbench.tui.run_bands import RunBand

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
        comparison: Of the runs that have a report.
        losses: By run id, runs with a report first; a live run has nothing else yet.
        bands: Of the runs that have a report, by run id.
        errors: Why a report could not be read, one line each.
    """

    comparison: Comparison
    losses: dict[str, Series]
    bands: dict[str, RunBand]
    errors: tuple[str, ...]


class ComparisonReader:
    """Follows the logs of runs and keeps their analysed reports; for one thread at a time."""

    def __init__(self) -> None:
        self._followers: dict[str, RunFollower] = {}
        self._reports: dict[str, tuple[int, JudgedRun]] = {}

    def compare(self, runs: Iterable[RunFolder]) -> ComparedRuns:
        """Read what is new in ``runs``, and compare them in this order."""
        from workbench.evaluation.analysis.comparison import compare

        runs = list(runs)
        errors: list[str] = []
        contestants: dict[str, JudgedRun] = {}
        for run in runs:
            try:
                if contestant := self._contestant(run):
                    contestants[run.id] = contestant
            except FtwbError as error:
                errors.append(str(error))
        reported_first = sorted(runs, key=lambda run: run.id not in contestants)
        losses = {run.id: loss for run in reported_first if (loss := self._loss(run))}
        bands = {run: RunBand.of(judged.findings) for run, judged in contestants.items()}
        return ComparedRuns(compare(list(contestants.values())), losses, bands, tuple(errors))

    def _contestant(self, run: RunFolder) -> JudgedRun | None:
        """The analysed report, analysed again if the file has changed; None without a report."""
        from workbench.evaluation.analysis.comparison import read_judged_run

        if not run.files.is_file(run.report):
            return None
        modified = run.report.stat().st_mtime_ns
        cached = self._reports.get(run.id)
        if cached is None or cached[0] != modified:
            cached = self._reports[run.id] = modified, read_judged_run(run)
        return cached[1]

    def _loss(self, run: RunFolder) -> Series | None:
        if run.id not in self._followers:
            self._followers[run.id] = RunFollower(run)
        return self._followers[run.id].poll().series.get(_LOSS)
