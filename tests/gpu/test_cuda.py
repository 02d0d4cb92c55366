"""What only a CUDA device can show; skipped without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from workbench.models.dtype import torch_dtype
from workbench.models.loading import choose_device

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.runs.folder import RunFolder
    from workbench.runs.view import RunView

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_a_run_uses_the_device_and_reads_its_memory(
    trained: Callable[..., tuple[RunFolder, RunView]], kind: str
) -> None:
    _, view = trained(f"strategy.kind={kind}", "training.max_steps=20")
    assert view.status.state == "finished", view.status.reason
    allocated, total = (view.value("memory", f"cuda0_{name}") for name in ("allocated", "total"))
    assert 0 < allocated <= view.value("memory", "cuda0_reserved")
    assert total == pytest.approx(torch.cuda.get_device_properties(0).total_memory, rel=0.05)


def test_auto_is_bfloat16_where_the_device_is_fast_at_it() -> None:
    fast = torch.cuda.get_device_capability()[0] >= 8
    expected = torch.bfloat16 if fast else torch.float32
    assert torch_dtype("auto", choose_device()) == expected
