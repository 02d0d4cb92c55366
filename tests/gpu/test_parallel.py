"""Two real devices and NCCL: the run of one, and memory of both; skipped without them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file

from workbench.runs.launch import launch
from workbench.runs.view import RunFollower
from workbench.training.worker import train_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.folder import RunFolder

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices"),
]


@pytest.mark.parametrize("sharding", ["none", "full"])
@pytest.mark.parametrize("kind", ["full", "lora"])
def test_two_devices_are_one_with_twice_the_accumulation(
    new_run: Callable[..., RunFolder], kind: str, sharding: str
) -> None:
    recipe = (f"strategy.kind={kind}", "training.micro_batch_size=3", "training.precision=fp32")
    exact = (*recipe, "model.dtype=float32")
    two = new_run(*exact, "devices.count=2", f"devices.sharding={sharding}")
    one = new_run(*exact, "training.gradient_accumulation_steps=2")
    launch(two)
    while two.status().live:
        time.sleep(0.1)
    assert two.status().state == "finished", (two.status().reason, two.log.read_text())
    assert train_run(one) == 0
    (ours,), (theirs,) = (list(run.model.glob("*.safetensors")) for run in (two, one))
    expected = load_file(theirs)
    for name, tensor in load_file(ours).items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-2, atol=1e-3)
    view = RunFollower(two).poll()
    assert view.value("memory", "cuda0_allocated") > 0
    assert view.value("memory", "cuda1_allocated") > 0
