"""No memory for the next step: what was learned up to it is kept before the run ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from workbench.core.errors import FtwbError, RunFailedError
from workbench.models.auto_batch_size import DeviceMemoryError, out_of_memory
from workbench.runs import checkpoints
from workbench.training.checkpoint.rng_state import set_random_states

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.runs.folder import RunFolder
    from workbench.training.callbacks.monitor import Monitor
    from workbench.training.trainer import WorkbenchTrainer

_STEPPING = (
    "no memory for the optimiser's step: set training.optim to paged_adamw_8bit or adafactor, "
    "or train fewer weights (strategy.kind=lora)"
)
_ELSEWHERE = "out of GPU memory between two steps: end other programs on the device"


class OomCheckpoint:
    """Trains, and writes a checkpoint where memory ends it.

    Of several processes one has no memory while the others are elsewhere: what they hold together
    cannot be kept then, and the error goes on.
    """

    def __init__(self, trainer: WorkbenchTrainer, monitor: Monitor, run: RunFolder) -> None:
        """Stand by ``trainer``, whose checkpoints ``monitor`` writes into ``run``."""
        self._trainer = trainer
        self._monitor = monitor
        self._run = run

    def train(self, resume_from: Path | None = None) -> None:
        """Take all steps, or those after the checkpoint whose state is in ``resume_from``.

        Raises:
            RunFailedError: There was no memory; says what to do and where what was learned is.
        """
        why = self._shortage(str(resume_from) if resume_from else None)
        if why:
            raise RunFailedError(f"{why}; {self._keep()}")

    def _shortage(self, resume_from: str | None) -> str:
        """Train; what there was no memory for, empty where all steps were taken."""
        try:
            self._trainer.train(resume_from_checkpoint=resume_from)
        except DeviceMemoryError as error:
            return str(error)
        except RuntimeError as error:
            if not out_of_memory(error) or torch.distributed.is_initialized():
                raise
            return _STEPPING if self._trainer.splitter.stepping else _ELSEWHERE
        return ""

    def _keep(self) -> str:
        """Write the state after the last step, where it was not; where what was learned is."""
        step, splitter = self._trainer.state.global_step, self._trainer.splitter
        if not step:
            return "no step was taken yet"
        torn = ""
        if step not in checkpoints.steps(self._run):
            torn = ", and perhaps half of the next" if splitter.stepping else ""
            try:
                self._write()
            except (FtwbError, RuntimeError) as error:
                return f"and step {step} could not be kept: {error}"
        return f"what was learned up to step {step} is in its checkpoint{torn}"

    def _write(self) -> None:
        """A checkpoint as an unbroken run would have written it before this step."""
        trainer, splitter = self._trainer, self._trainer.splitter
        model: Any = trainer.model
        model.zero_grad()
        torch.cuda.empty_cache()
        trainer.state.num_input_tokens_seen = splitter.tokens_before
        set_random_states(splitter.random_before)
        self._monitor.checkpoint(
            trainer.state,
            {
                "model": model,
                "optimizer": trainer.optimizer,
                "lr_scheduler": trainer.lr_scheduler,
            },
        )
