"""No memory for the next step: what was learned so far is saved before the run fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from workbench.core.errors import FtwbError, RunFailedError
from workbench.models.auto_batch_size import DeviceMemoryError, out_of_memory
from workbench.runs import checkpoints
from workbench.training.checkpoint.rng_state import set_rng_states

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.training.callbacks.checkpoint import CheckpointCallback
    from workbench.training.callbacks.session import TrainingSession
    from workbench.training.trainer import WorkbenchTrainer

_IN_OPTIMIZER = (
    "out of memory in the optimiser's step: set training.optim to paged_adamw_8bit or adafactor, "
    "or train fewer weights (strategy.kind=lora)"
)
_BETWEEN_STEPS = "out of GPU memory between two steps: end other programs on the device"


class OomCheckpoint:
    """Trains, and writes a checkpoint where running out of memory ends it.

    With several processes it cannot: one is out of memory while the others are elsewhere, so what
    they hold together cannot be saved. The error is then raised as it is.
    """

    def __init__(
        self, session: TrainingSession, trainer: WorkbenchTrainer, checkpoint: CheckpointCallback
    ) -> None:
        """Train with ``trainer``; ``checkpoint`` writes the checkpoints."""
        self._session = session
        self._trainer = trainer
        self._checkpoint = checkpoint

    def train(self, resume_from: Path | None = None) -> None:
        """Take all steps, or those after the checkpoint whose state is in ``resume_from``.

        Raises:
            RunFailedError: Memory ran out; says what to do, and which step is saved.
        """
        try:
            self._trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
        except DeviceMemoryError as error:
            problem = str(error)
        except RuntimeError as error:
            if not out_of_memory(error) or self._session.processes.size > 1:
                raise
            in_optimizer = self._trainer.splitter.in_optimizer_step
            problem = _IN_OPTIMIZER if in_optimizer else _BETWEEN_STEPS
        else:
            return
        # Only out here are the tensors of the failed step free.
        raise RunFailedError(f"{problem}; {self._save()}")

    def _save(self) -> str:
        """Write the state after the last step, where it was not; which step is saved, in words."""
        step, splitter = self._trainer.state.global_step, self._trainer.splitter
        if not step:
            return "no step was completed"
        if step in checkpoints.steps(self._session.run):
            return f"step {step} is saved in its checkpoint"
        half_moved = splitter.in_optimizer_step
        try:
            self._write()
        except (FtwbError, RuntimeError) as error:
            return f"step {step} could not be saved: {error}"
        torn = ", perhaps with half of the next step" if half_moved else ""
        return f"step {step} is saved in its checkpoint{torn}"

    def _write(self) -> None:
        """Write the checkpoint as an unbroken run would have written it before the failed step."""
        trainer, splitter = self._trainer, self._trainer.splitter
        model: Any = trainer.model
        model.zero_grad()
        torch.cuda.empty_cache()
        trainer.state.num_input_tokens_seen = splitter.tokens_before
        set_rng_states(splitter.rng_before)
        self._checkpoint.write(trainer.state, trainer.optimizer, trainer.lr_scheduler)
