"""Queueing a grid: every combination is checked before the first run is made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.core.errors import FtwbError
from workbench.planning.preflight import preflight, resolve
from workbench.runs.sweeps import add_run, new_sweep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.recipe.grid import Combination
    from workbench.runs.folder import RunFolder, Runs


def checked(points: Sequence[Combination]) -> list[Combination]:
    """The combinations with their paths resolved, once every one of them can be trained.

    Raises:
        FtwbError: One cannot, which is named.
    """
    resolved = [replace(point, recipe=resolve(point.recipe)) for point in points]
    for point in resolved:
        try:
            preflight(point.recipe)
        except FtwbError as error:
            raise type(error)(f"{point.recipe.name}: {error}") from error
    return resolved


def queue(runs: Runs, points: Sequence[Combination]) -> tuple[str, list[RunFolder]]:
    """Make a run of each combination and launch them in order; the sweep's id, and the runs.

    Raises:
        MachineError: A run cannot be made or started.
    """
    from workbench.runs.launch import launch

    sweep = new_sweep(runs, points[0].grid)
    made = [runs.create(point.recipe) for point in points]
    for run in made:
        add_run(run, sweep)
    for run in made:
        launch(run)
    return sweep, made
