"""What the callbacks of one run share."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.recipe.recipe import Recipe
    from workbench.runs.control import Request
    from workbench.runs.folder import RunFolder
    from workbench.training.distributed.process_group import ProcessGroup
    from workbench.training.reporting.reporter import Reporter


class TrainingClock:
    """Counts the seconds that training itself takes, in this worker and in those before it."""

    def __init__(self) -> None:
        self._counted = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds counted so far."""
        running = 0.0 if self._since is None else time.monotonic() - self._since
        return self._counted + running

    def start(self) -> None:
        """Count from now on."""
        self._since = time.monotonic()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Count nothing inside; a clock that was not running does not start afterwards."""
        was_running = self._since is not None
        self._counted, self._since = self.seconds, None
        try:
            yield
        finally:
            if was_running:
                self.start()

    def state_dict(self) -> dict[str, float]:
        """What a checkpoint keeps."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Continue from a checkpoint."""
        self._counted = state_dict["seconds"]


@dataclass
class TrainingSession:
    """One run while it trains.

    Attributes:
        run: The run.
        recipe: Its recipe.
        reporter: Writes its events and status.
        processes: The processes that train together; all of them decide alike.
        clock: The time that training itself takes.
        requests: What the user asked for during the step just taken.
        stopping: The user asked to stop: the step just taken is the last.
    """

    run: RunFolder
    recipe: Recipe
    reporter: Reporter
    processes: ProcessGroup
    clock: TrainingClock = field(default_factory=TrainingClock)
    requests: set[Request] = field(default_factory=set)
    stopping: bool = False
