"""Going on from a checkpoint inside transformers' loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from workbench.runs import checkpoints
from workbench.training.checkpoint.rng_state import set_random_states
from workbench.training.checkpoint.write import Saved

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from workbench.runs.folder import RunFolder
    from workbench.training.checkpoint.write import Scheduled
    from workbench.training.distributed.fsdp import Weights
    from workbench.training.distributed.process_group import ProcessGroup
    from workbench.training.reporting.reporter import Reporter


def resumed(run: RunFolder, reporter: Reporter, step: int | None, processes: ProcessGroup) -> Saved:
    """Read the checkpoint to go on from, and say which ones were passed over."""
    reporter.phase("reading the checkpoint")
    choice = processes.from_main(lambda: checkpoints.choose(run, step))
    reporter.step(choice.step, reporter.status.total)
    for broken in choice.broken:
        reporter.notice(broken, level="warning")
    return Saved.read(choice.folder, choice.step)


class ResumeCallback(TrainerCallback):
    """Gives optimiser, scheduler, scaler and random states back where an unbroken run has them.

    An epoch's batches are drawn with a random number, so that random states are given back before
    that where a new epoch begins, and after the skipped batches where one goes on.
    """

    def __init__(self, saved: Saved, weights: Weights, rank: int = 0) -> None:
        """Take the checkpoint, for the process of that number."""
        self._saved = saved
        self._weights = weights
        self._random = saved.random[rank]
        self._first = True

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Load the machinery, which stands by now, and keep no copy of it."""
        del args, state, control
        moving = machinery(kwargs["optimizer"], kwargs["lr_scheduler"], self._weights)
        for name, one in moving.items():
            one.load_state_dict(self._saved.machinery.pop(name))

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Draw as an unbroken run would."""
        del args, state, control, kwargs
        if self._first:
            set_random_states(self._random)

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The same, after the batches of this epoch that were seen before."""
        del args, control, kwargs
        if self._first and not float(state.epoch).is_integer():
            set_random_states(self._random)
        self._first = False


def machinery(optimizer: Any, scheduler: Any, weights: Weights) -> dict[str, Scheduled]:
    """What takes the steps, by name; a scaler only where gradients are scaled (float16)."""
    scaler = {} if optimizer.scaler is None else {"scaler": optimizer.scaler}
    return {"optimizer": weights.machinery(optimizer), "scheduler": scheduler, **scaler}
