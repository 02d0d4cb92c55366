"""A run that waits for its user."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from workbench.runs import control

if TYPE_CHECKING:
    from workbench.runs.control import Request
    from workbench.runs.folder import RunFolder
    from workbench.training.reporting.reporter import Reporter

_INTERVAL = 0.25
"""Seconds between two looks into the control folder."""


def wait_for_answer(run: RunFolder, reporter: Reporter, why: str) -> set[Request]:
    """Stand still until the user says ``stop`` or ``continue``; what else is asked stays asked.

    The status says what is waited for, and the heartbeat goes on.
    """
    phase = reporter.status.phase
    reporter.notice(
        f"{why}: 'ftwb continue {run.id}' goes on, 'ftwb stop {run.id}' ends it here",
        level="warning",
    )
    reporter.phase(control.AWAITING_ANSWER, why, stoppable=False)
    asked: set[Request] = set()
    while not asked:
        time.sleep(_INTERVAL)
        asked.update(control.take_requests(run, ("stop", "continue")))
    reporter.phase(phase, stoppable=False)
    return asked
