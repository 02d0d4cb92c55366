"""The random states of every library that a run draws from."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def get_rng_states() -> dict[str, Any]:
    """Those of Python, numpy, torch and each CUDA device, as plain values and tensors."""
    legacy: dict[str, Any] = np.random.get_state(legacy=False)
    generator = legacy["state"]
    return {
        "python": random.getstate(),
        "numpy": {**legacy, "state": {**generator, "key": generator["key"].tolist()}},
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_rng_states(states: dict[str, Any]) -> None:
    """Restore them; a device that was not there when they were taken keeps its own."""
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    torch.set_rng_state(states["torch"])
    for device, state in zip(range(torch.cuda.device_count()), states["cuda"], strict=False):
        torch.cuda.set_rng_state(state, device)
