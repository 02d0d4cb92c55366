"""Batch sizes that fit: what runs out of memory is tried again with half as many rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch

from workbench.core.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

_SIGNS = (
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "can't allocate memory",
)
"""Texts of errors that mean it without being a :class:`torch.OutOfMemoryError`."""


class DeviceMemoryError(MachineError):
    """Memory does not suffice even for a single row."""


def out_of_memory(error: BaseException) -> bool:
    """Whether the device, or the host, had too little memory."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


class AutoBatchSize:
    """How many rows go through the model at once; halved whenever they do not fit.

    Like accelerate's ``find_executable_batch_size``, but it remembers the size from one call to the
    next, and reports every change.
    """

    def __init__(self, what: str, batch_size: int, warn: Callable[[str], None]) -> None:
        """Start with ``batch_size`` rows.

        Args:
            what: Is computed, as the notices name it.
            batch_size: Rows at once in the first try.
            warn: Takes the notices.
        """
        self._what = what
        self._batch_size = batch_size
        self._warn = warn

    def run(self, compute: Callable[[int], _T]) -> _T:
        """Call ``compute`` with as many rows as fit.

        Raises:
            DeviceMemoryError: Not even one row fits.
        """
        while True:
            try:
                return compute(self._batch_size)
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
            # Only out here are the tensors of the failed try free.
            torch.cuda.empty_cache()
            if self._batch_size == 1:
                raise DeviceMemoryError(
                    f"{self._what}: out of memory at batch size 1; end other programs on the "
                    "device, shorten the texts, or set strategy.kind=qlora"
                )
            smaller = self._batch_size // 2
            self._warn(f"{self._what}: out of memory, batch size {self._batch_size} → {smaller}")
            self._batch_size = smaller

    def run_or_skip(self, compute: Callable[[int], _T]) -> _T | None:
        """Call ``compute`` with as many rows as fit; None, with a notice, where not even one does.

        For what a run can do without: measuring must never end it.
        """
        try:
            return self.run(compute)
        except DeviceMemoryError:
            self._warn(f"{self._what}: measurement skipped, out of memory at batch size 1")
            return None
