"""Starting a worker that continues a stopped or crashed run from a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.planning.provenance import require_provenance
from workbench.runs import checkpoints, control
from workbench.runs.launch import launch
from workbench.runs.run_lock import locked

if TYPE_CHECKING:
    from workbench.runs.checkpoints import CheckpointChoice
    from workbench.runs.folder import RunFolder

RESUME = "resume"
"""The worker's command-line argument."""


def resume(run: RunFolder, step: int | None = None) -> CheckpointChoice:
    """Continue ``run`` from its newest valid checkpoint, or from that of ``step``.

    Of two simultaneous requests, only one starts a worker.

    Raises:
        BadInputError: The run is active or finished, or its recipe or data have changed.
        NotFoundError: It has no such checkpoint.
        MachineError: The worker cannot be started.
    """
    with locked(run):
        _require_resumable_state(run)
        choice = checkpoints.choose(run, step)
        require_provenance(run)
        control.take_requests(run)
        launch(run, RESUME, *([] if step is None else [str(step)]))
    return choice


def _require_resumable_state(run: RunFolder) -> None:
    status = run.status()
    if status.live:
        raise BadInputError(f"{run.id} is {status.state}: there is nothing to resume")
    if status.state == "finished":
        raise BadInputError(
            f"{run.id} has finished its last step; start a new run to train further"
        )
