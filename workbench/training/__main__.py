"""``python -m workbench.training RUN``: the worker process."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from workbench.runs import control
from workbench.runs.folder import RunFolder
from workbench.scrubbing import ScrubbedStream

if TYPE_CHECKING:
    from types import FrameType


def main() -> int:
    """Do the run, for its owner only: hang-ups are ignored, SIGTERM is a stop that saves."""
    run = RunFolder(Path(sys.argv[1]))

    def stop(_signal: int, _frame: FrameType | None) -> None:
        control.ask(run, "stop")

    os.umask(0o077)
    sys.stdout, sys.stderr = _clean(sys.stdout), _clean(sys.stderr)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop)
    from workbench.training.worker import work

    return work(run)


def _clean(stream: TextIO) -> TextIO:
    return cast("TextIO", ScrubbedStream(stream))


if __name__ == "__main__":
    sys.exit(main())
