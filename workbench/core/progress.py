"""How long-running work reports its progress."""

from __future__ import annotations

from collections.abc import Callable

ProgressCallback = Callable[[str, int, int], None]
"""``report(description, done, total)``; ``total`` is 0 where it is unknown."""


def silent(description: str, done: int, total: int) -> None:
    """Ignore the progress."""
    del description, done, total
