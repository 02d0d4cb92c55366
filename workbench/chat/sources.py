"""The folder with a lane's weights: the result or a checkpoint of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError, NotFoundError
from workbench.runs import checkpoints
from workbench.runs.folder import RunFolder
from workbench.runs.links import require_no_links

if TYPE_CHECKING:
    from workbench.chat.protocol import Source


def require_result(run: RunFolder) -> None:
    """Refuse a run without a tuned model.

    Raises:
        BadInputError: No tuned model was saved; the message names the run's state.
    """
    if not run.has_result():
        status = run.status()
        advice = "wait until it is finished" if status.live else f"'ftwb show {run.id}' says why"
        raise BadInputError(f"{run.id} is {status.state} and has no result to chat with: {advice}")


def folder_of(source: Source) -> Path:
    """The folder of a source's tensors.

    Raises:
        BadInputError: The run has no result, or its folder holds a link.
        NotFoundError: The run has no such checkpoint.
    """
    run = run_of(source)
    require_no_links(run)
    if source.checkpoint is None:
        require_result(run)
        return run.model
    folder = checkpoints.folder_of(run, source.checkpoint)
    if not folder.is_dir():
        raise NotFoundError(f"{run.id} has no checkpoint of step {source.checkpoint}")
    return folder


def run_of(source: Source) -> RunFolder:
    """The run that a source belongs to."""
    return RunFolder(Path(source.run))
