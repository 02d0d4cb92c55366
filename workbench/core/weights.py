"""Only safetensors are ever loaded: opening a pickle can run code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")

NO_ADAPTER: dict[str, Any] = {"adapter_kwargs": {"subfolder": ".no-adapter"}}
"""Argument of transformers' ``from_pretrained`` for a folder that holds an adapter beside a model.

transformers attaches such an adapter to the model, unasked; with this it looks for one in a
subfolder that does not exist.
"""


def require_safetensors(folder: Path, owner: str) -> None:
    """Refuse a folder without safetensors; pickled weights beside them are never opened.

    Args:
        folder: A model or an adapter.
        owner: The model or the run it belongs to, for the error.

    Raises:
        BadInputError: The folder has no safetensors.
    """
    if any(folder.glob("*.safetensors")):
        return
    pickled = sorted(path.name for path in folder.glob("*") if path.suffix in _PICKLES)
    if pickled:
        raise BadInputError(
            f"{owner}: no safetensors in {folder}, only {pickled[0]}: opening pickled weights can "
            "run code, so ftwb never does; convert them to safetensors first"
        )
    raise BadInputError(f"{owner}: no safetensors in {folder}; its weights are missing")
