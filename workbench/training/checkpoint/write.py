"""Full checkpoints: all that decides the steps to come, so that a resumed run is the same run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from workbench.core.errors import MachineError
from workbench.models.eval_mode import preserved_rng_state
from workbench.runs import checkpoints
from workbench.training.checkpoint.best import trained
from workbench.training.checkpoint.rng_state import random_states
from workbench.training.checkpoint.state_io import load_state, save_state
from workbench.training.distributed.process_group import SINGLE_PROCESS
from workbench.training.result import refuse_broken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch.nn import Module
    from transformers import TrainerState

    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder
    from workbench.training.checkpoint.best import BestWeights
    from workbench.training.distributed.process_group import ProcessGroup

_TRAINER_STATE = "trainer_state.json"
"""transformers' own: how far training is, from which it finds its place in the data."""

_FOLDER = "resume"
"""Beside the weights as the strategy saves them, which are all that a chat or a probe reads."""

_WEIGHTS = "trained.safetensors"
_STATE = "state"


class Stateful(Protocol):
    """What remembers something from step to step."""

    def state(self) -> dict[str, Any]:
        """All of it, as plain values and tensors."""

    def resume(self, state: dict[str, Any]) -> None:
        """Take it back."""


class Scheduled(Protocol):
    """The optimiser, the scheduler or the scaler of the gradients."""

    def state_dict(self) -> dict[str, Any]:
        """All it remembers."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it back."""


@dataclass(frozen=True)
class Saved:
    """A checkpoint that is read back.

    Attributes:
        folder: Where its state is.
        step: How far training was.
        start: Random states from before the model was prepared.
        random: Random states after the step, of each process.
        machinery: State of optimiser, scheduler and scaler.
        parts: State of everything else, by name.
    """

    folder: Path
    step: int
    start: dict[str, Any]
    random: list[dict[str, Any]]
    machinery: dict[str, dict[str, Any]]
    parts: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, checkpoint: Path, step: int) -> Saved:
        """Read all but the weights.

        Raises:
            MachineError: It cannot be read.
        """
        folder = checkpoint / _FOLDER
        try:
            return cls(folder, step, **load_state(folder, _STATE))
        except (OSError, SafetensorError) as error:
            raise MachineError(f"{folder}: the checkpoint cannot be read: {error}") from error

    @torch.no_grad()
    def restore_weights(self, model: Module) -> None:
        """Put the trained weights back into ``model``, bit for bit."""
        parameters = dict(model.named_parameters())
        with safe_open(self.folder / _WEIGHTS, framework="pt") as kept:
            for name in kept.keys():  # noqa: SIM118 - safetensors offers no iteration
                parameters[name].copy_(kept.get_tensor(name))


@dataclass(frozen=True)
class Checkpointer:
    """Writes the checkpoints of one run.

    Attributes:
        run: The run.
        recipe: Its recipe.
        best: The best weights so far, which a checkpoint holds as well.
        parts: What remembers something, by name.
        start: Random states from before the model was prepared.
        processes: The processes of the run; all call the same, and the leader writes.
    """

    run: RunFolder
    recipe: Recipe
    best: BestWeights
    parts: Mapping[str, Stateful]
    start: dict[str, Any] = field(default_factory=random_states)
    processes: ProcessGroup = SINGLE_PROCESS

    def gather(self, machinery: Mapping[str, Scheduled]) -> dict[str, Any]:
        """What a checkpoint needs of every process; all of them must call this together."""
        return {
            "random": self.processes.gather(random_states()),
            "machinery": {name: one.state_dict() for name, one in machinery.items()},
        }

    def save(
        self, model: Module, gathered: Mapping[str, Any], state: TrainerState, best_step: int
    ) -> Path:
        """Write the state after a step, whole or not at all, and remove what is not kept.

        Raises:
            RunFailedError: A trained weight is not finite; nothing is written.
            MachineError: The disk is full or cannot be written.
        """
        step = state.global_step
        if not self.processes.is_main:
            return checkpoints.folder_of(self.run, step)
        refuse_broken(model)
        try:
            with preserved_rng_state(), checkpoints.draft(self.run, step) as folder:
                (folder / _FOLDER).mkdir()
                self._write(model, gathered, folder / _FOLDER)
                state.save_to_json(str(folder / _FOLDER / _TRAINER_STATE))
                self.recipe.strategy.save(model, folder)  # last, because PiSSA's draws numbers
            checkpoints.keep(self.run, self.recipe.training.save_total_limit, {best_step})
        except (OSError, SafetensorError) as error:
            raise MachineError(f"step {step}: the checkpoint cannot be saved: {error}") from error
        return checkpoints.folder_of(self.run, step)

    def _write(self, model: Module, gathered: Mapping[str, Any], folder: Path) -> None:
        parts = {name: part.state() for name, part in self.parts.items()}
        state = {"start": self.start, **gathered, "parts": parts}
        save_state(state, folder, _STATE)
        save_file(trained(model), folder / _WEIGHTS)
        self.best.copy_into(folder)

    def resume(self, saved: Saved) -> None:
        """Give every part its state back, and forget what came after."""
        for name, part in self.parts.items():
            part.resume(saved.parts[name])
        if not self.processes.is_main:
            return
        self.best.take_from(saved.folder)
        checkpoints.remove_after(self.run, saved.step)
