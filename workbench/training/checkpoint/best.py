"""The best weights so far, on disk while training goes on."""

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
    """Keeps a copy of what is trained and gives it back bit for bit."""

    def __init__(self, folder: Path) -> None:
        """Keep it in ``folder``."""
        self._file = folder / "best.safetensors"

    def keep(self, model: Module) -> None:
        """Replace the copy.

        Raises:
            MachineError: The disk is full or cannot be written.
        """
        draft = self._file.with_suffix(".new")
        try:
            draft.parent.mkdir(parents=True, exist_ok=True)
            save_file(trained(model), draft)
            draft.replace(self._file)
        except (OSError, SafetensorError) as error:
            draft.unlink(missing_ok=True)
            raise MachineError(f"{self._file}: the best weights cannot be kept: {error}") from error

    def copy_into(self, folder: Path) -> None:
        """Let ``folder`` hold the copy too, where there is one; it is never written twice."""
        if self._file.exists():
            link_or_copy(self._file, folder / self._file.name)

    def take_from(self, folder: Path) -> None:
        """Make the copy in ``folder`` the copy; none there is none here."""
        self._file.unlink(missing_ok=True)
        if (folder / self._file.name).exists():
            link_or_copy(folder / self._file.name, self._file)

    @torch.no_grad()
    def restore(self, model: Module) -> bool:
        """Put the copy back into ``model`` and remove it; false when there is none."""
        if not self._file.exists():
            return False
        parameters = dict(model.named_parameters())
        with safe_open(self._file, framework="pt") as kept:
            for name in kept.keys():  # noqa: SIM118 - safetensors offers no iteration
                parameters[name].copy_(kept.get_tensor(name))
        self._file.unlink()
        return True


def trained(model: Module) -> dict[str, torch.Tensor]:
    """The weights that training moves, by name."""
    return {
        name: parameter.detach().contiguous()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
