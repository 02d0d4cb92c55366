"""Sweeps: runs that were launched as one grid, each with the grid's id in a file of its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from workbench.core import files
from workbench.core.errors import NotFoundError

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder, Runs

_FILE = "sweep"


def new_sweep(runs: Runs, name: str) -> str:
    """An id that no sweep has: ``sweep-<yyyymmdd-hhmmss>-<name>``, numbered where it is taken."""
    stem = f"sweep-{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    taken = {sweep_of(run) for run in runs.list()}
    sweep, number = stem, 1
    while sweep in taken:
        number += 1
        sweep = f"{stem}-{number}"
    return sweep


def add_run(run: RunFolder, sweep: str) -> None:
    """Make ``run`` one of ``sweep``.

    Raises:
        MachineError: Its folder cannot be written.
    """
    files.write_atomic(run.path / _FILE, sweep)


def sweep_of(run: RunFolder) -> str:
    """The sweep that ``run`` is one of; empty where it is of none."""
    path = run.path / _FILE
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def members(runs: Runs, sweep: str) -> list[RunFolder]:
    """The runs of a sweep in the order of their launch; ``last`` is the newest sweep.

    Raises:
        NotFoundError: There is no such sweep.
    """
    known = [(sweep_of(run), run) for run in runs.list()]
    wanted = next((name for name, _ in known if name), "") if sweep == "last" else sweep
    found = [run for name, run in known if name and name == wanted]
    if not found:
        raise NotFoundError(f"{sweep}: no such sweep in {runs.root}; 'ftwb sweep' starts one")
    return sorted(found, key=lambda run: run.status().created)
