"""Measuring a model without leaving a trace on it."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.nn import Module


@contextmanager
def eval_mode(model: Module) -> Iterator[None]:
    """Eval mode and no gradients inside; the mode it had before afterwards."""
    import torch

    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Put every random state back afterwards, so that a watched run draws what any other does."""
    import numpy as np
    import torch

    python, numbers = random.getstate(), np.random.get_state()
    devices = range(torch.cuda.device_count())
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numbers)
