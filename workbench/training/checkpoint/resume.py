"""Resuming from a checkpoint inside transformers' training loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from workbench.runs import checkpoints
from workbench.training.checkpoint.rng_state import set_rng_states
from workbench.training.checkpoint.write import SavedState

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from workbench.runs.folder import RunFolder
    from workbench.training.checkpoint.write import Stateful
    from workbench.training.distributed.fsdp import TrainedModel
    from workbench.training.distributed.process_group import ProcessGroup
    from workbench.training.reporting.reporter import Reporter


def load_checkpoint(
    run: RunFolder, reporter: Reporter, step: int | None, processes: ProcessGroup
) -> SavedState:
    """Read the checkpoint of ``step``, or the newest intact one, and report broken ones."""
    reporter.phase("loading the checkpoint")
    choice = processes.from_main(lambda: checkpoints.choose(run, step))
    reporter.step(choice.step, reporter.status.total)
    for problem in choice.broken:
        reporter.notice(problem, level="warning")
    return SavedState.read(choice.folder, choice.step)


class ResumeCallback(TrainerCallback):
    """Restores optimiser, scheduler, gradient scaler and random states.

    The batches of an epoch are drawn with a random number when it begins. So the random states are
    restored before that where the checkpoint lies between two epochs, and otherwise after the
    Trainer has drawn the epoch's batches again and skipped those that were seen.
    """

    def __init__(self, saved: SavedState, trained: TrainedModel, rank: int = 0) -> None:
        """Resume the process of number ``rank`` from ``saved``."""
        self._saved = saved
        self._trained = trained
        self._rng = saved.rng_by_rank[rank]
        self._first = True

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Load optimiser, scheduler and scaler, which exist by now, and free what was read."""
        del args, state, control
        optimization = optimization_of(kwargs["optimizer"], kwargs["lr_scheduler"], self._trained)
        for name, part in optimization.items():
            part.load_state_dict(self._saved.optimization.pop(name))

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Restore the random states before the first epoch's batches are drawn."""
        del args, state, control, kwargs
        if self._first:
            set_rng_states(self._rng)

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Restore them again after the skipped batches of an epoch that was interrupted."""
        del args, control, kwargs
        if self._first and not float(state.epoch).is_integer():
            set_rng_states(self._rng)
        self._first = False


def optimization_of(optimizer: Any, scheduler: Any, trained: TrainedModel) -> dict[str, Stateful]:
    """What takes the steps, by name; a scaler only where gradients are scaled (float16)."""
    scaler = {} if optimizer.scaler is None else {"scaler": optimizer.scaler}
    return {"optimizer": trained.stateful(optimizer), "scheduler": scheduler, **scaler}
