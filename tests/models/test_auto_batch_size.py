"""Batch sizes are halved until they fit, whatever words an error uses for lack of memory."""

from __future__ import annotations

import pytest
import torch

from workbench.models.auto_batch_size import AutoBatchSize, DeviceMemoryError, out_of_memory

ERRORS = [
    torch.OutOfMemoryError(),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory"),
]


@pytest.mark.parametrize("error", ERRORS)
def test_the_batch_is_halved_until_it_fits(error: RuntimeError) -> None:
    def compute(rows: int) -> int:
        if rows > 3:
            raise error
        return rows

    notices: list[str] = []
    batch = AutoBatchSize("the loss", 8, notices.append)
    assert out_of_memory(error)
    assert batch.run(compute) == 2
    assert notices == [
        f"the loss: out of memory, batch size {change}" for change in ("8 → 4", "4 → 2")
    ]
    assert batch.run(compute) == 2
    assert len(notices) == 2


def test_other_errors_pass() -> None:
    def broken(_rows: int) -> None:
        raise RuntimeError("size mismatch")

    assert not out_of_memory(ValueError("out of memory"))
    with pytest.raises(RuntimeError, match="size mismatch"):
        AutoBatchSize("the loss", 8, print).run_or_skip(broken)


def test_where_not_even_one_row_fits_it_fails_or_is_skipped() -> None:
    def crowded(_rows: int) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    notices: list[str] = []
    with pytest.raises(DeviceMemoryError, match="the loss: out of memory at batch size 1; end"):
        AutoBatchSize("the loss", 8, notices.append).run(crowded)
    assert AutoBatchSize("the loss", 1, notices.append).run_or_skip(crowded) is None
    assert notices[-1] == "the loss: measurement skipped, out of memory at batch size 1"
