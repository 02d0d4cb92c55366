"""A device with little memory, simulated: models that run out of it for too many rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from workbench.models.loss import labelled_nll
from workbench.training import trainer

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from torch import Tensor
    from torch.nn import Module

    Crowded = Callable[[dict[str, Tensor], int], bool]

MESSAGE = "CUDA out of memory. Tried to allocate 2.00 GiB"


def more_than(rows: int, since: int = 1) -> Crowded:
    """More rows than fit, from a forward pass on; passes are counted from 1."""
    return lambda batch, count: len(batch["input_ids"]) > rows and count >= since


def in_forward(crowded: Crowded, patch: pytest.MonkeyPatch) -> None:
    """Run out of memory before a forward pass of training."""
    count = 0

    def learn(model: Module, batch: dict[str, Tensor]) -> tuple[Tensor, int]:
        nonlocal count
        count += 1
        if crowded(batch, count):
            raise torch.OutOfMemoryError(MESSAGE)
        return labelled_nll(model, batch)

    patch.setattr(trainer, "labelled_nll", learn)


def in_backward(crowded: Crowded, patch: pytest.MonkeyPatch) -> None:
    """Run out of memory in the middle of a backward pass, when some gradients exist."""
    count = 0

    def run_out(_gradient: Tensor) -> None:
        raise torch.OutOfMemoryError(MESSAGE)

    def learn(model: Module, batch: dict[str, Tensor]) -> tuple[Tensor, int]:
        nonlocal count
        count += 1
        if not crowded(batch, count):
            return labelled_nll(model, batch)
        (middle,) = (module for name, module in model.named_modules() if name.endswith("layers.0"))

        def watch(_module: Module, _inputs: Any, output: Any) -> None:
            hidden = output[0] if isinstance(output, tuple) else output
            hidden.register_hook(run_out)

        handle = middle.register_forward_hook(watch)
        try:
            return labelled_nll(model, batch)
        finally:
            handle.remove()

    patch.setattr(trainer, "labelled_nll", learn)
