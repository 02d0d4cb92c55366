"""The list of runs, read cheaply and often: what cannot change is read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from workbench.runs.checkpoints import resumable_from
from workbench.runs.events import newest_lines, parse_event
from workbench.runs.folder import RunFolder, Runs

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.status import Status

Stamp = tuple[tuple[int, int], ...]
"""Inode and modification time of each file: of two replacements in one tick the inodes differ."""

_TAIL_BYTES = 16 << 10
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
        return cls(run, status, run.has_result(), run.report.is_file(), step)


@dataclass(frozen=True)
class RunRow:
    """One run in a list.

    Attributes:
        model: The base model as the recipe names it.
        strategy: The kind of strategy.
        loss: The newest training loss, None before the first step.
        stamp: Changes whenever status or report are replaced.
    """

    snapshot: RunSnapshot
    name: str
    model: str
    strategy: str
    loss: float | None
    stamp: Stamp = ()

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

    def read(self) -> tuple[RunRow, ...]:
        """Every run as it is now, newest first.

        Raises:
            OSError: The folder of runs or a file in it cannot be read.
        """
        return tuple(self._row(run) for run in self._runs.list())

    def _row(self, run: RunFolder) -> RunRow:
        stamp = _stamp(run)
        ended = self._ended.get(run.id)
        if ended and ended.stamp == stamp:
            return ended
        if run.id not in self._recipes:
            self._recipes[run.id] = _name_model_strategy(run)
        snapshot = RunSnapshot.read(run)
        row = RunRow(snapshot, *self._recipes[run.id], last_loss(run), stamp)
        if not row.status.live and row.status.state != "lost":
            self._ended[run.id] = row
        return row


def _stamp(run: RunFolder) -> Stamp:
    files = [path.stat() for path in (run.status_file, run.report) if path.is_file()]
    return tuple((file.st_ino, file.st_mtime_ns) for file in files)


def last_loss(run: RunFolder) -> float | None:
    """The newest training loss, looked for in the tail of the event log only."""
    for line in reversed(newest_lines(run.events, _TAIL_BYTES)):
        if b'"kind": "train"' in line and (event := parse_event(line)):
            loss = event.get("loss")
            return float(loss) if isinstance(loss, (int, float)) else None
    return None


def _name_model_strategy(run: RunFolder) -> tuple[str, str, str]:
    """These three as written, without checking whether the recipe is still valid."""
    try:
        values = yaml.load(run.recipe_file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506
        words = (values["name"], values["model"]["id"], values["strategy"]["kind"])
    except (OSError, yaml.YAMLError, LookupError, TypeError):
        return run.id, "recipe cannot be read", ""
    return str(words[0]), str(words[1]), str(words[2])
