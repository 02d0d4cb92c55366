"""Batch sizes that fit: work that runs out of memory is repeated with half as many rows."""

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
    """There is not enough memory for a single row."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device, or the host, is out of memory."""
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
            what: What is computed, as the notices name it.
            batch_size: Rows at once in the first attempt.
            warn: Called with each notice.
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
            # Inside the except clause the tensors of the failed attempt would still be alive.
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
