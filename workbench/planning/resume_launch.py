"""Starting a worker that goes on where another one stopped or died."""

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
"""What the worker is told to do."""


def resume(run: RunFolder, step: int | None = None) -> CheckpointChoice:
    """Let ``run`` go on from its newest whole checkpoint, or from that of ``step``.

    Of two who ask at once, one wins.

    Raises:
        BadInputError: It is at work, has finished, or is no longer the same run.
        NotFoundError: It has no such checkpoint.
        MachineError: The worker cannot be started.
    """
    with locked(run):
        _refuse_live_and_finished(run)
        choice = checkpoints.choose(run, step)
        require_provenance(run)
        control.take_requests(run)
        launch(run, RESUME, *([] if step is None else [str(step)]))
    return choice


def _refuse_live_and_finished(run: RunFolder) -> None:
    status = run.status()
    if status.live:
        raise BadInputError(f"{run.id} is {status.state}: there is nothing to resume")
    if status.state == "finished":
        raise BadInputError(
            f"{run.id} has finished all that its recipe asks for: start a new run to go further"
        )
