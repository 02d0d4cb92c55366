"""One worker a run: a lock that the worker holds while it lives, and whoever starts one before."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from workbench.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.runs.folder import RunFolder


@contextmanager
def alone(run: RunFolder, patience: float = 0.0) -> Iterator[None]:
    """Have the run to oneself inside; the system frees it when the process dies.

    Args:
        run: The run.
        patience: Seconds to wait for another to let go.

    Raises:
        BadInputError: Another process holds it.
    """
    from filelock import FileLock, Timeout

    try:
        with FileLock(run.path / ".lock", timeout=patience):
            yield
    except Timeout as error:
        raise BadInputError(f"{run.id}: another worker, or another resume, has it") from error
