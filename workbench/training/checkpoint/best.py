"""The best weights so far, kept on disk while training continues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from workbench.core.errors import MachineError
from workbench.core.files import link_or_copy

if TYPE_CHECKING:
    from pathlib import Path

    from torch.nn import Module


class BestWeights:
    """Keeps a copy of the trained weights and restores it bit for bit.

    Attributes:
        step: The step they are of; 0 before the first copy.
    """

    def __init__(self, folder: Path) -> None:
        """Keep the copy in ``folder``."""
        self.step = 0
        self._file = folder / "best.safetensors"

    def keep(self, model: Module, step: int) -> None:
        """Replace the copy by the weights after ``step``.

        Raises:
            MachineError: The disk is full or cannot be written.
        """
        draft = self._file.with_suffix(".new")
        try:
            draft.parent.mkdir(parents=True, exist_ok=True)
            save_file(trained_weights(model), draft)
            draft.replace(self._file)
        except (OSError, SafetensorError) as error:
            draft.unlink(missing_ok=True)
            raise MachineError(f"{self._file}: cannot keep the best weights: {error}") from error
        self.step = step

    def restore(self, model: Module) -> bool:
        """Load the copy into ``model`` and delete it; false when there is none."""
        if not self._file.exists():
            return False
        load_weights(model, self._file)
        self._file.unlink()
        return True

    def copy_to(self, folder: Path) -> None:
        """Put the copy, where there is one, into ``folder`` as well, by a link where possible."""
        if self._file.exists():
            link_or_copy(self._file, folder / self._file.name)

    def copy_from(self, folder: Path) -> None:
        """Replace the copy by that in ``folder``; remove it where ``folder`` has none."""
        self._file.unlink(missing_ok=True)
        if (folder / self._file.name).exists():
            link_or_copy(folder / self._file.name, self._file)

    def state_dict(self) -> dict[str, int]:
        """What a checkpoint keeps beside the weights."""
        return {"step": self.step}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Continue from a checkpoint."""
        self.step = state_dict["step"]


def trained_weights(model: Module) -> dict[str, torch.Tensor]:
    """The weights that training moves, by name."""
    return {
        name: parameter.detach().contiguous()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


@torch.no_grad()
def load_weights(model: Module, file: Path) -> None:
    """Copy the tensors of a safetensors file into the parameters of the same names."""
    parameters = dict(model.named_parameters())
    with safe_open(file, framework="pt") as stored:
        for name in stored.keys():  # noqa: SIM118 - safetensors offers no iteration
            parameters[name].copy_(stored.get_tensor(name))
