"""What every screen shows first of a run that has a report, and how it is read."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.core.errors import FtwbError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from workbench.evaluation.analysis.band import BandPart
    from workbench.evaluation.analysis.findings import Findings, NextStep
    from workbench.runs.folder import RunFolder

_SHOWN_TOGETHER = 1.0
"""Seconds of reading between two updates of the screens."""

ReportStamp = tuple[int, int, int]
"""Inode, modification time and size of a report."""


@dataclass(frozen=True)
class RunBand:
    """The band of a run, with what its dialog of next steps needs.

    Attributes:
        parts: Verdict in a word, learned, leak, KL, and the next command.
        proof: The evidence for the verdict.
        next_steps: What to do now, most helpful first.
    """

    parts: tuple[BandPart, ...]
    proof: str
    next_steps: tuple[NextStep, ...]

    @classmethod
    def of(cls, findings: Findings) -> RunBand:
        """The band of these findings."""
        from workbench.evaluation.analysis.band import band

        return cls(band(findings), findings.proof, findings.next_steps)

    @property
    def verdict(self) -> BandPart:
        """The verdict in a word, with its rating."""
        return self.parts[0]


@dataclass(frozen=True)
class BandReading:
    """A band and the report it was read from; the band is None if that cannot be judged."""

    stamp: ReportStamp
    band: RunBand | None


def report_stamp(run: RunFolder) -> ReportStamp | None:
    """Changes whenever the report is written; None without one."""
    return run.files.stamp(run.report)


def read_bands(
    runs: Iterable[RunFolder], known: Mapping[str, BandReading]
) -> Iterator[dict[str, BandReading]]:
    """Read the bands of those runs whose report is new or has changed, by run id.

    A large report takes about 50 ms; several come together, because showing them takes time too.
    """
    readings: dict[str, BandReading] = {}
    shown = time.monotonic()
    for run in runs:
        stamp = report_stamp(run)
        before = known.get(run.id)
        if stamp and (before is None or before.stamp != stamp):
            readings[run.id] = BandReading(stamp, _band(run))
        if readings and time.monotonic() - shown > _SHOWN_TOGETHER:
            yield readings
            readings, shown = {}, time.monotonic()
    if readings:
        yield readings


def _band(run: RunFolder) -> RunBand | None:
    from workbench.evaluation.analysis.analysis import read_findings

    try:
        return RunBand.of(read_findings(run))
    except FtwbError:  # the report screen says why
        return None
