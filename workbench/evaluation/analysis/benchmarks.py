"""benchmarks.json: scores of standard benchmarks on base and result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.core.errors import BadInputError
from workbench.evaluation.analysis.findings import BenchmarkScore

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder


class BenchmarkRound(BaseModel):
    """The benchmarks of one call.

    Attributes:
        measured: When, in seconds since the epoch.
        versions: Versions of the harness and its libraries, by package.
        device: Device of the model.
        dtype: Dtype of the weights.
        batch_size: Requests in one batch.
        limit: Documents of each task that were asked; None for all.
        chat_template: Whether the documents were asked as user messages in a chat.
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
    """All rounds of a run, oldest first."""

    model_config = ConfigDict(frozen=True)

    rounds: tuple[BenchmarkRound, ...] = ()

    def latest(self) -> tuple[BenchmarkScore, ...]:
        """The newest score of each metric of each task."""
        scores = (score for one_round in self.rounds for score in one_round.scores)
        return tuple({(score.task, score.metric): score for score in scores}.values())


def read_benchmarks(run: RunFolder) -> Benchmarks:
    """Read the benchmarks of a run; none if there is no file.

    Raises:
        BadInputError: The file cannot be read.
    """
    path = _file(run)
    if not run.files.is_file(path):
        return Benchmarks()
    try:
        return Benchmarks.model_validate_json(run.files.read_bytes(path))
    except (OSError, ValidationError) as error:
        raise BadInputError(
            f"{path}: cannot be read; delete it and run 'ftwb benchmark {run.id}' again"
        ) from error


def append_round(run: RunFolder, benchmarks: BenchmarkRound) -> Path:
    """Add a round to those of a run, and return the file.

    Raises:
        BadInputError: The existing file cannot be read.
    """
    rounds = (*read_benchmarks(run).rounds, benchmarks)
    run.files.write_atomic(_file(run), Benchmarks(rounds=rounds).model_dump_json(indent=1))
    return _file(run)


def _file(run: RunFolder) -> Path:
    return run.path / "benchmarks.json"
