"""The time that training itself takes."""

from __future__ import annotations

import time


class StopWatch:
    """Counts only the time between :meth:`go` and :meth:`pause`."""

    def __init__(self) -> None:
        """Start at zero, standing still."""
        self._counted = 0.0
        self._since: float | None = None

    def go(self) -> None:
        """Count from now on."""
        self._since = time.monotonic()

    def pause(self) -> None:
        """Stop counting."""
        self._counted = self.seconds
        self._since = None

    @property
    def seconds(self) -> float:
        """What was counted so far."""
        running = 0.0 if self._since is None else time.monotonic() - self._since
        return self._counted + running

    def state(self) -> dict[str, float]:
        """What was counted."""
        return {"seconds": self.seconds}

    def resume(self, state: dict[str, float]) -> None:
        """Count on from there."""
        self._counted = state["seconds"]
