"""Room on the device for what is done beside training: what does not fit is done in parts."""

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
"""What errors say that are no :class:`torch.OutOfMemoryError` but mean it."""


class DeviceMemoryError(MachineError):
    """There is no memory for the least that could be done at once."""


def out_of_memory(error: BaseException) -> bool:
    """Whether a device, or the host, had no memory for what was asked of it."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


class AutoBatchSize:
    """How many rows go through the model at once; halved whenever there is no memory for them."""

    def __init__(self, what: str, rows: int, warn: Callable[[str], None]) -> None:
        """Start with ``rows``; ``what`` is being done, in words that follow "no memory for"."""
        self._what = what
        self._rows = rows
        self._warn = warn

    def run_or_skip(self, work: Callable[[int], _T]) -> _T | None:
        """Do ``work`` with as many rows at once as there is room for; None where not even one fits.

        A run that was watched to death would be worth nothing: running out of memory here is told
        as a notice and never ends it.
        """
        try:
            return self.run(work)
        except DeviceMemoryError:
            self._tell("not even for one row: this look is left out")
            return None

    def run(self, work: Callable[[int], _T]) -> _T:
        """The same for what cannot be left out.

        Raises:
            NoRoomError: There is no memory for a single row.
        """
        while True:
            try:
                return work(self._rows)
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                # the tensors of the failed work are free only outside of this clause
            torch.cuda.empty_cache()
            if self._rows == 1:
                raise DeviceMemoryError(
                    f"no memory for {self._what}, not even for one row at a time: end other "
                    "programs on the device, shorten what is read, or take strategy.kind=qlora"
                )
            self._rows //= 2
            self._tell(f"from now on {self._rows} {'row' if self._rows == 1 else 'rows'} at once")

    def _tell(self, consequence: str) -> None:
        self._warn(f"no memory for {self._what}: {consequence}")
