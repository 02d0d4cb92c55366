"""How long work reports its progress to whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable

ProgressCallback = Callable[[str, int, int], None]
"""Called with a description, how much is done, and of how much (0 where nobody knows)."""


def silent(description: str, done: int, total: int) -> None:
    """Report to nobody."""
    del description, done, total
