"""Measuring a model without changing it or the run it is trained in."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.nn import Module


@contextmanager
def eval_mode(model: Module) -> Iterator[None]:
    """Evaluation mode without gradients inside the context, the previous mode afterwards."""
    import torch

    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


@contextmanager
def preserved_rng_state() -> Iterator[None]:
    """Restore the random state of Python, numpy and torch afterwards.

    A run that is measured or saved then draws the same random numbers as one that is not.
    """
    import numpy as np
    import torch

    python_state, numpy_state = random.getstate(), np.random.get_state()
    devices = range(torch.cuda.device_count())
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
