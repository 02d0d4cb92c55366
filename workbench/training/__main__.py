"""``python -m workbench.training RUN [resume [STEP]]``: the worker process."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from workbench.runs import control
from workbench.runs.alone import alone
from workbench.runs.folder import RunFolder
from workbench.scrubbing import ScrubbedStream
from workbench.training.turn import Turn

if TYPE_CHECKING:
    from types import FrameType

_PATIENCE = 60.0
"""Seconds to wait for the process that started this one to let go of the run."""


def main() -> int:
    """Do the run when its turn comes, for its owner only.

    Hang-ups are ignored, SIGTERM is a stop that saves.
    """
    run = RunFolder(Path(sys.argv[1]))

    def stop(_signal: int, _frame: FrameType | None) -> None:
        control.ask(run, "stop")

    os.umask(0o077)
    sys.stdout, sys.stderr = _clean(sys.stdout), _clean(sys.stderr)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop)
    order = sys.argv[2:]
    with alone(run, _PATIENCE):
        if not Turn(run, order).comes():
            return int(run.status().state == "failed")
        from workbench.training.worker import work

        step = int(order[1]) if len(order) > 1 else None
        return work(run, resume=bool(order), step=step)


def _clean(stream: TextIO) -> TextIO:
    return cast("TextIO", ScrubbedStream(stream))


if __name__ == "__main__":
    sys.exit(main())
