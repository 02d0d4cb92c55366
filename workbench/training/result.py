"""Saving a tuned model whole or not at all."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError

from workbench.core import files
from workbench.core.errors import MachineError, RunFailedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch.nn import Module

    from workbench.strategies.base import Strategy


def save_result(
    strategy: Strategy,
    model: Module,
    folder: Path,
    complete: Callable[[Path], None] = lambda _folder: None,
) -> None:
    """Write the trained tensors into ``folder``, by way of a temporary folder beside it.

    Args:
        strategy: How they are written.
        model: The trained model.
        folder: Replaced as a whole.
        complete: Adds whatever belongs to them.

    Raises:
        RunFailedError: A trained tensor is not finite; nothing is written.
        MachineError: The disk is full or cannot be written.
    """
    require_finite(model)
    draft = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        strategy.save(model, draft)
        complete(draft)
        for path in (*sorted(draft.rglob("*")), draft):
            files.sync(path)
        files.replace_folder(draft, folder)
    except (OSError, SafetensorError) as error:
        raise MachineError(f"{folder}: cannot save the model: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(folder.with_name(f".{folder.name}.old"), ignore_errors=True)


def require_finite(model: Module) -> None:
    """Refuse a model whose trained weights hold NaN or infinity.

    Raises:
        RunFailedError: Naming the first such tensor.
    """
    if name := nonfinite_weight(model):
        raise RunFailedError(
            f"training diverged: {name} is no longer finite; lower the learning rate"
        )


def nonfinite_weight(model: Module) -> str:
    """The first trained weight that holds NaN or infinity; empty where all are finite."""
    return next(
        (
            name
            for name, parameter in model.named_parameters()
            if parameter.requires_grad and not torch.isfinite(parameter).all()
        ),
        "",
    )
