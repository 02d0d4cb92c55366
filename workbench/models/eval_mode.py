"""Measuring a model without leaving a trace on it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.nn import Module


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Eval mode and no gradients inside; the mode it had before afterwards."""
    import torch

    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)
