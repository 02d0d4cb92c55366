"""The best weights so far, on disk while training goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from workbench.errors import MachineError

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
            save_file(
                {
                    name: parameter.detach().contiguous()
                    for name, parameter in model.named_parameters()
                    if parameter.requires_grad
                },
                draft,
            )
            draft.replace(self._file)
        except (OSError, SafetensorError) as error:
            raise MachineError(f"{self._file}: the best weights cannot be kept: {error}") from error

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
