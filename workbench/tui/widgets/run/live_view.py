"""What the live screen shows at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.evaluation.report import Report
    from workbench.recipe.recipe import Recipe
    from workbench.runs.view import RunView


@dataclass(frozen=True)
class LiveView:
    """One frozen snapshot that the widgets of the live screen bind to.

    Attributes:
        run: Status, curves and notices; None before the first reading.
        resumable_step: The step that a resume would start from, 0 where it cannot be resumed.
        log_tail: The end of worker.log, for a run that failed or was lost.
        recipe: None until it is read.
        report: None until the run has written it.
    """

    run: RunView | None = None
    resumable_step: int = 0
    log_tail: str = ""
    recipe: Recipe | None = None
    report: Report | None = None
