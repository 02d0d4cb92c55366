"""When a checkpoint is due: after so many steps, and after so many minutes."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.recipe.training import TrainingSection

_SECONDS = 60.0


class CheckpointSchedule:
    """Counts steps and minutes since the last checkpoint; a changed wall clock does not count."""

    def __init__(self, training: TrainingSection) -> None:
        """Take the recipe's rhythm; the minutes count from now on."""
        self._steps = training.save_steps
        self._minutes = training.save_minutes
        self._since = monotonic()

    def by_steps(self, step: int) -> bool:
        """Whether the recipe wants the checkpoint of this very step."""
        return self._steps > 0 and step % self._steps == 0

    def by_time(self) -> bool:
        """Whether more would be lost by now than the recipe allows."""
        return 0 < self._minutes * _SECONDS <= monotonic() - self._since

    def begin(self) -> None:
        """Count the minutes anew: training begins, or a checkpoint was tried."""
        self._since = monotonic()
