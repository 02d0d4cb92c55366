"""Sweeps: runs launched together as one grid; each has the id of its sweep in a file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from workbench.core.errors import NotFoundError

if TYPE_CHECKING:
    from workbench.runs.folder import RunFolder, Runs

_FILE = "sweep"
_MAX_BYTES = 4096


def new_sweep(runs: Runs, name: str) -> str:
    """A new id, ``sweep-<yyyymmdd-hhmmss>-<name>``, numbered if it exists already."""
    stem = f"sweep-{time.strftime('%Y%m%d-%H%M%S')}-{name}"
    existing = {sweep_of(run) for run in runs.list()}
    sweep, number = stem, 1
    while sweep in existing:
        number += 1
        sweep = f"{stem}-{number}"
    return sweep


def add_run(run: RunFolder, sweep: str) -> None:
    """Make ``run`` part of ``sweep``.

    Raises:
        MachineError: The folder of the run cannot be written.
    """
    run.files.write_atomic(run.path / _FILE, sweep)


def sweep_of(run: RunFolder) -> str:
    """The sweep that ``run`` is part of; empty if there is none."""
    path = run.path / _FILE
    try:
        return run.files.read_text(path, _MAX_BYTES).strip()
    except (OSError, UnicodeDecodeError):
        return ""


def members(runs: Runs, sweep: str) -> list[RunFolder]:
    """The runs of a sweep in the order of their launch; ``last`` is the newest sweep.

    Raises:
        NotFoundError: There is no such sweep.
    """
    sweeps = [(sweep_of(run), run) for run in runs.list()]
    newest = next((name for name, _ in sweeps if name), "")
    name = newest if sweep == "last" else sweep
    matching = [run for sweep_name, run in sweeps if sweep_name and sweep_name == name]
    if not matching:
        raise NotFoundError(f"{sweep}: no such sweep in {runs.root}; 'ftwb sweep' starts one")
    return sorted(matching, key=lambda run: run.status().created)
