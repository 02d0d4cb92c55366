"""Starting a sweep: every combination of a grid is checked before the first run is created."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.core.errors import FtwbError
from workbench.planning.preflight import preflight, resolve_paths
from workbench.runs.sweeps import add_run, new_sweep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.recipe.grid import Combination
    from workbench.runs.folder import RunFolder, Runs


def check_grid(combinations: Sequence[Combination]) -> list[Combination]:
    """Resolve the paths of all combinations and check that each can be trained.

    Raises:
        FtwbError: A combination cannot be trained; the text names it.
    """
    resolved = [replace(point, recipe=resolve_paths(point.recipe)) for point in combinations]
    for point in resolved:
        try:
            preflight(point.recipe)
        except FtwbError as error:
            raise type(error)(f"{point.recipe.name}: {error}") from error
    return resolved


def queue(runs: Runs, combinations: Sequence[Combination]) -> tuple[str, list[RunFolder]]:
    """Create a run for each combination and launch them in order.

    Returns:
        The id of the sweep, and its runs.

    Raises:
        MachineError: A run cannot be created or started.
    """
    from workbench.runs.launch import launch

    sweep = new_sweep(runs, combinations[0].grid)
    folders = [runs.create(point.recipe) for point in combinations]
    for run in folders:
        add_run(run, sweep)
    for run in folders:
        launch(run)
    return sweep, folders
