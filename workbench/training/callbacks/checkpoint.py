"""When a checkpoint is written while training."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from workbench.core.errors import MachineError
from workbench.training.checkpoint.resume import optimization_of

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import TrainerControl, TrainerState, TrainingArguments

    from workbench.training.callbacks.session import TrainingSession
    from workbench.training.checkpoint.write import Checkpointer
    from workbench.training.distributed.fsdp import TrainedModel

_SECONDS_PER_MINUTE = 60.0


class CheckpointCallback(TrainerCallback):
    """Writes a checkpoint every so many steps or minutes, on request, and when a run is stopped."""

    def __init__(
        self, session: TrainingSession, checkpointer: Checkpointer, trained: TrainedModel
    ) -> None:
        self._session = session
        self._checkpointer = checkpointer
        self._trained = trained
        self._last = monotonic()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Count the minutes from here."""
        del args, state, control, kwargs
        self._last = monotonic()

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Write the checkpoint of the step just recorded, where one is wanted."""
        del args, control
        if "loss" not in kwargs["logs"]:
            return
        session = self._session
        with session.clock.paused():
            optimizer, scheduler = kwargs["optimizer"], kwargs["lr_scheduler"]
            if session.stopping or self._due_by_steps(state.global_step):
                self.write(state, optimizer, scheduler)
            elif session.processes.from_main(
                lambda: "checkpoint" in session.requests or self._due_by_time()
            ):
                self._try_to_write(state, optimizer, scheduler)

    def _due_by_steps(self, step: int) -> bool:
        interval = self._session.recipe.training.save_steps
        return interval > 0 and step % interval == 0

    def _due_by_time(self) -> bool:
        """Measured by a monotonic clock: a changed wall clock does not count."""
        interval = self._session.recipe.training.save_minutes * _SECONDS_PER_MINUTE
        return 0 < interval <= monotonic() - self._last

    def write(
        self, state: TrainerState, optimizer: Any, scheduler: Any, *, wait_for_space: bool = True
    ) -> None:
        """Write a checkpoint of the weights, the optimiser and the scheduler as they are now.

        Args:
            state: How far training is.
            optimizer: accelerate's wrapper around the optimiser.
            scheduler: The learning-rate scheduler.
            wait_for_space: Wait where the disk is full.

        Raises:
            RunFailedError: A trained weight is not finite; nothing is written.
            MachineError: It cannot be written.
        """
        model = self._trained.gathered()
        gathered = self._checkpointer.gather(optimization_of(optimizer, scheduler, self._trained))
        reporter = self._session.reporter

        def save() -> Path:
            return self._checkpointer.save(model, gathered, state)

        folder = reporter.retry_when_disk_full(save) if wait_for_space else save()
        reporter.event("checkpoint", path=f"checkpoints/{folder.name}")
        self._last = monotonic()

    def _try_to_write(self, state: TrainerState, optimizer: Any, scheduler: Any) -> None:
        """Write one that the recipe does not name; where that fails training continues at once."""
        try:
            self.write(state, optimizer, scheduler, wait_for_space=False)
        except MachineError as error:
            self._last = monotonic()
            text = f"{error}; training continues without it"
            self._session.reporter.event("notice", level="warning", text=text, answers="checkpoint")
