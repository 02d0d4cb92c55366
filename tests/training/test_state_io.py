"""State comes back from JSON and safetensors as it was."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from workbench.training.checkpoint.rng_state import get_rng_states, set_rng_states
from workbench.training.checkpoint.state_io import load_state, save_state

if TYPE_CHECKING:
    from pathlib import Path


def test_nested_values_come_back_as_they_were(tmp_path: Path) -> None:
    state = {0: {"betas": (0.9, 0.999), "best": math.inf, "foreach": None}, "tensor": [True, "a"]}
    save_state(state, tmp_path, "state")
    assert load_state(tmp_path, "state") == state
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state.json", "state.safetensors"]


def test_tensors_come_back_bit_for_bit_and_shared_ones_once(tmp_path: Path) -> None:
    table = torch.arange(6, dtype=torch.uint8)
    moments = torch.randn(3, 2, dtype=torch.bfloat16).T
    save_state({1: (moments, table), 2: [table, torch.tensor(4.0)]}, tmp_path, "state")
    back = load_state(tmp_path, "state")
    assert torch.equal(back[1][0], moments)
    assert back[1][1] is back[2][0]
    assert torch.equal(back[2][0], table)
    assert back[2][1] == 4.0


def test_what_would_need_pickle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="cannot save a set"):
        save_state({"a": {1}}, tmp_path, "state")


def test_every_library_continues_drawing_where_it_was(tmp_path: Path) -> None:
    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.normal()), float(torch.rand(()))  # noqa: S311

    draw()
    save_state(get_rng_states(), tmp_path, "random")
    first = draw()
    set_rng_states(load_state(tmp_path, "random"))
    assert draw() == first
    assert draw() != first
