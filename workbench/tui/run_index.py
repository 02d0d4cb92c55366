"""The list of runs, read cheaply and often: what cannot change is read once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from workbench.runs.checkpoints import resumable_from
from workbench.runs.folder import RunFolder, Runs

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.status import Status

Stamp = tuple[tuple[int, int], ...]
"""Inode and time of what was written last: of two replacements in one moment they differ."""

_TAIL = 16384
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class RunRow:
    """One run in one line.

    Attributes:
        model: What its recipe calls the base model.
        strategy: The kind of its strategy.
        loss: The newest training loss, None before the first step.
        result: Whether a tuned model was saved.
        report: Whether before and after were written.
        resumes: The step it would go on from, 0 where it cannot.
        stamp: Changes whenever its status or its report is written anew.
    """

    run: RunFolder
    status: Status
    name: str
    model: str
    strategy: str
    loss: float | None
    result: bool
    report: bool
    resumes: int = 0
    stamp: Stamp = ()


class RunIndex:
    """Reads all runs; recipes, and runs that have ended and are left alone, are remembered."""

    def __init__(self, root: Path) -> None:
        """Start with nothing known of the runs below ``root``."""
        self._runs = Runs(root)
        self._recipes: dict[str, tuple[str, str, str]] = {}
        self._settled: dict[str, RunRow] = {}

    def read(self) -> tuple[RunRow, ...]:
        """Every run as it is now, newest first."""
        return tuple(self._row(run) for run in self._runs.list())

    def _row(self, run: RunFolder) -> RunRow:
        stamp = _stamp(run)
        settled = self._settled.get(run.id)
        if settled and settled.stamp == stamp:
            return settled
        if run.id not in self._recipes:
            self._recipes[run.id] = _recipe_words(run)
        status = run.status()
        found = run.has_result(), run.report.is_file(), resumable_from(run, status)
        row = RunRow(run, status, *self._recipes[run.id], last_loss(run), *found, stamp)
        if not status.live and status.state != "lost":
            self._settled[run.id] = row
        return row


def _stamp(run: RunFolder) -> Stamp:
    files = [path.stat() for path in (run.status_file, run.report) if path.is_file()]
    return tuple((file.st_ino, file.st_mtime_ns) for file in files)


def last_loss(run: RunFolder) -> float | None:
    """The newest training loss, looked for in the tail of the event log only."""
    if not run.events.is_file():
        return None
    with run.events.open("rb") as stream:
        stream.seek(max(0, run.events.stat().st_size - _TAIL))
        lines = stream.read().splitlines()
    for line in reversed(lines):
        if b'"kind": "train"' in line and (event := _parse(line)):
            loss = event.get("loss")
            return float(loss) if isinstance(loss, (int, float)) else None
    return None


def _parse(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _recipe_words(run: RunFolder) -> tuple[str, str, str]:
    """Name, model and strategy as written, without asking whether the recipe is still valid."""
    try:
        values = yaml.load(run.recipe_file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506
        words = (values["name"], values["model"]["id"], values["strategy"]["kind"])
    except (OSError, yaml.YAMLError, LookupError, TypeError):
        return run.id, "recipe cannot be read", ""
    return str(words[0]), str(words[1]), str(words[2])
