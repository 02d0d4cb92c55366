"""benchmarks.json: standard benchmarks on base and result, as lm-evaluation-harness scores them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.core import files
from workbench.core.errors import BadInputError
from workbench.evaluation.analysis import statistics
from workbench.evaluation.analysis.analysis import analyse
from workbench.evaluation.analysis.findings import BenchmarkScore, Findings, Interval
from workbench.evaluation.analysis.statistics import Pairs
from workbench.evaluation.report.report import read_report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from workbench.runs.folder import RunFolder


class BenchmarkRound(BaseModel):
    """What was asked at one time.

    Attributes:
        measured: When, in seconds since the epoch.
        versions: Of the harness and of what computes, by package.
        device: What computed it.
        dtype: Number format of the weights.
        batch_size: Requests that went through the model at once.
        limit: Documents of each task that were asked; None for all.
        chat_template: Whether the documents were put as a user would in a chat.
        scores: In the order of the harness.
    """

    model_config = ConfigDict(frozen=True)

    measured: float
    versions: dict[str, str]
    device: str
    dtype: str
    batch_size: int
    limit: int | None
    chat_template: bool
    scores: tuple[BenchmarkScore, ...]


class Benchmarks(BaseModel):
    """All rounds of a run, the oldest first."""

    model_config = ConfigDict(frozen=True)

    rounds: tuple[BenchmarkRound, ...] = ()

    def latest(self) -> tuple[BenchmarkScore, ...]:
        """The newest score of each metric of each task."""
        scores = (score for done in self.rounds for score in done.scores)
        return tuple({(each.task, each.metric): each for each in scores}.values())


def read_benchmarks(run: RunFolder) -> Benchmarks:
    """What was asked of a run so far.

    Raises:
        BadInputError: The file cannot be read.
    """
    path = _file(run)
    if not path.is_file():
        return Benchmarks()
    try:
        return Benchmarks.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BadInputError(
            f"{path}: cannot be read; remove it, and 'ftwb benchmark {run.id}' asks anew"
        ) from error


def append_round(run: RunFolder, done: BenchmarkRound) -> Path:
    """Write a round behind those that are there, and return the file.

    Raises:
        BadInputError: What is there cannot be read.
    """
    known = read_benchmarks(run)
    files.write_atomic(
        _file(run), Benchmarks(rounds=(*known.rounds, done)).model_dump_json(indent=1)
    )
    return _file(run)


def read_findings(run: RunFolder, *, margin: float | None = None) -> Findings:
    """The findings of a run's report, and beside them what its standard benchmarks say.

    Args:
        run: One with a report.
        margin: As in :func:`workbench.evaluation.analysis.analysis.judge`.

    Raises:
        NotFoundError: There is no report.
        BadInputError: Report or benchmarks cannot be read or judged.
    """
    findings = analyse(read_report(run), margin=margin)
    return findings.model_copy(update={"benchmarks": read_benchmarks(run).latest()})


def change_of(before: Sequence[float], after: Sequence[float]) -> tuple[Interval, float]:
    """The paired change with its 95 % interval, and McNemar's exact p; both sides in one order."""
    pairs = Pairs(tuple(before), tuple(after))
    value = math.fsum(pairs.changes) / pairs.n
    if set(pairs.changes) <= {-1.0, 0.0, 1.0}:
        low, high = statistics.score_interval(pairs.lost, pairs.gained, pairs.n)
    else:
        reach = statistics.Z * statistics.standard_error(pairs)
        low, high = value - reach, value + reach
    p = statistics.mcnemar(pairs.lost, pairs.gained)
    return Interval(value=value, low=low, high=high), p


def unpaired_change(
    before: float, after: float, before_error: float | None, after_error: float | None
) -> Interval | None:
    """The change where only the two scores are known; wider than the paired one would be.

    None where a standard error is unknown.
    """
    if before_error is None or after_error is None:
        return None
    value, reach = after - before, statistics.Z * math.hypot(before_error, after_error)
    return Interval(value=value, low=value - reach, high=value + reach)


def _file(run: RunFolder) -> Path:
    return run.path / "benchmarks.json"
