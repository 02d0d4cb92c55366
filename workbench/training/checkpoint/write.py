"""Complete checkpoints: with all that decides the steps to come, a resumed run is the same run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from safetensors import SafetensorError
from safetensors.torch import save_file

from workbench.core.errors import BadInputError, MachineError
from workbench.models.eval_mode import preserved_rng_state
from workbench.runs import checkpoints
from workbench.training.checkpoint.best import load_weights, trained_weights
from workbench.training.checkpoint.rng_state import get_rng_states
from workbench.training.checkpoint.state_io import load_state, save_state
from workbench.training.distributed.process_group import SINGLE_PROCESS
from workbench.training.result import require_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from torch.nn import Module
    from transformers import TrainerState

    from workbench.recipe.recipe import Recipe
    from workbench.runs.folder import RunFolder
    from workbench.training.checkpoint.best import BestWeights
    from workbench.training.distributed.process_group import ProcessGroup

_FOLDER = "resume"
"""Beside the weights as the strategy saves them, which are all that chats and evaluations read."""

_TRAINER_STATE = "trainer_state.json"
"""transformers' own: how far training is, from which it finds its place in the data."""

_WEIGHTS = "trained.safetensors"
_STATE = "state"


class Stateful(Protocol):
    """What remembers something from step to step, the optimiser like any part of ours."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps, as plain values and tensors."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a checkpoint."""


@dataclass(frozen=True)
class SavedState:
    """A checkpoint that was read back, without its weights.

    Attributes:
        folder: Where its state is.
        step: How far training was.
        initial_rng: Random states from before the model was prepared.
        rng_by_rank: Random states after the step, of each process.
        optimization: State of optimiser, scheduler and scaler.
        parts: State of everything else, by name.
    """

    folder: Path
    step: int
    initial_rng: dict[str, Any]
    rng_by_rank: list[dict[str, Any]]
    optimization: dict[str, dict[str, Any]]
    parts: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, checkpoint: Path, step: int) -> SavedState:
        """Read all but the weights.

        Raises:
            MachineError: A file cannot be read.
            BadInputError: Another version of ftwb wrote it.
        """
        folder = checkpoint / _FOLDER
        try:
            return cls(folder, step, **load_state(folder, _STATE))
        except (OSError, SafetensorError) as error:
            raise MachineError(f"{folder}: cannot read the checkpoint: {error}") from error
        except TypeError as error:
            raise BadInputError(_OTHER_VERSION.format(folder=folder)) from error

    def restore_weights(self, model: Module) -> None:
        """Load the trained weights into ``model``, bit for bit."""
        load_weights(model, self.folder / _WEIGHTS)


_OTHER_VERSION = "{folder}: another version of ftwb wrote this checkpoint; start a new run"


@dataclass(frozen=True)
class Checkpointer:
    """Writes the checkpoints of one run.

    Attributes:
        run: The run.
        recipe: Its recipe.
        best: The best weights so far, which every checkpoint contains as well.
        parts: What remembers something from step to step, by name.
        warn: Tells the user what could not be done, once.
        initial_rng: Random states from before the model was prepared.
        processes: The processes of the run; all make the same calls, and the main one writes.
    """

    run: RunFolder
    recipe: Recipe
    best: BestWeights
    parts: Mapping[str, Stateful]
    warn: Callable[[str], None]
    initial_rng: dict[str, Any] = field(default_factory=get_rng_states)
    processes: ProcessGroup = SINGLE_PROCESS
    _told: set[str] = field(default_factory=set)

    def gather(self, optimization: Mapping[str, Stateful]) -> dict[str, Any]:
        """Collect what a checkpoint needs of every process; all must call this together."""
        return {
            "rng_by_rank": self.processes.gather(get_rng_states()),
            "optimization": {name: part.state_dict() for name, part in optimization.items()},
        }

    def save(self, model: Module, gathered: Mapping[str, Any], state: TrainerState) -> Path:
        """Write the state after a step, whole or not at all, and delete surplus checkpoints.

        Args:
            model: The model in one piece.
            gathered: What :meth:`gather` returned.
            state: How far training is.

        Returns:
            The folder of the checkpoint.

        Raises:
            RunFailedError: A trained weight is not finite; nothing is written.
            MachineError: The disk is full or cannot be written.
        """
        step = state.global_step
        target = checkpoints.folder_of(self.run, step)
        if not self.processes.is_main:
            return target
        require_finite(model)
        try:
            with preserved_rng_state(), checkpoints.draft(self.run, step) as draft:
                folder = draft / _FOLDER
                folder.mkdir()
                self._save_state(gathered, folder)
                save_file(trained_weights(model), folder / _WEIGHTS)
                self.best.copy_to(folder)
                state.save_to_json(str(folder / _TRAINER_STATE))
                self.recipe.strategy.save(model, draft)  # last, because PiSSA's draws numbers
        except (OSError, SafetensorError) as error:
            raise MachineError(f"step {step}: cannot save the checkpoint: {error}") from error
        limit = self.recipe.training.save_total_limit
        self._tell(checkpoints.prune(self.run, limit, {self.best.step}))
        return target

    def _tell(self, faults: Iterable[str]) -> None:
        for fault in faults:
            if fault not in self._told:
                self._told.add(fault)
                self.warn(fault)

    def _save_state(self, gathered: Mapping[str, Any], folder: Path) -> None:
        parts = {name: part.state_dict() for name, part in self.parts.items()}
        save_state({"initial_rng": self.initial_rng, **gathered, "parts": parts}, folder, _STATE)

    def resume(self, saved: SavedState) -> None:
        """Restore the state of every part, and delete what later steps left behind.

        Raises:
            BadInputError: Another version of ftwb wrote the checkpoint.
        """
        if saved.parts.keys() != self.parts.keys():
            raise BadInputError(_OTHER_VERSION.format(folder=saved.folder))
        for name, part in self.parts.items():
            part.load_state_dict(saved.parts[name])
        if self.processes.is_main:
            self.best.copy_from(saved.folder)
            self._tell(checkpoints.remove_after(self.run, saved.step))
