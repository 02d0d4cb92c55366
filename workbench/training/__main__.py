"""``python -m workbench.training RUN [resume [STEP]]``: the worker process."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.runs import control
from workbench.runs.alone import alone
from workbench.runs.folder import RunFolder

if TYPE_CHECKING:
    from types import FrameType

_PATIENCE = 60.0
"""Seconds to wait for the process that started this one to let go of the run."""


def main() -> int:
    """Ignore hang-ups, turn SIGTERM into a stop that saves, and do the run."""
    run = RunFolder(Path(sys.argv[1]))

    def stop(_signal: int, _frame: FrameType | None) -> None:
        control.ask(run, "stop")

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop)
    from workbench.training.worker import work

    order = sys.argv[2:]
    step = int(order[1]) if len(order) > 1 else None
    with alone(run, _PATIENCE):
        return work(run, resume=bool(order), step=step)


if __name__ == "__main__":
    sys.exit(main())
