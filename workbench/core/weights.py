"""Weights are read from safetensors alone: opening a pickle can run code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def require_safetensors(folder: Path, whose: str) -> None:
    """Let only a folder with safetensors pass.

    Raises:
        BadInputError: It has none; pickled weights beside them are never opened either way.
    """
    if any(folder.glob("*.safetensors")):
        return
    pickled = sorted(path.name for path in folder.glob("*") if path.suffix in _PICKLES)
    if pickled:
        raise BadInputError(
            f"{whose}: no safetensors in {folder}, only {pickled[0]}: pickled weights can run code "
            "when they are opened, so they never are; convert them to safetensors first"
        )
    raise BadInputError(f"{whose}: no safetensors in {folder}; its weights are missing")
