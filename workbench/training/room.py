"""Room on the device for what is done beside training: what does not fit is done in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.training.reporter import Reporter

_T = TypeVar("_T")


class Room:
    """How many rows go through the model at once; halved whenever there is no memory for them."""

    def __init__(self, what: str, rows: int, reporter: Reporter) -> None:
        """Start with ``rows``; ``what`` is being done, in words that follow "no memory for"."""
        self._what = what
        self._rows = rows
        self._reporter = reporter

    def fit(self, work: Callable[[int], _T]) -> _T | None:
        """Do ``work`` with as many rows at once as there is room for; None where not even one fits.

        A run that was watched to death would be worth nothing: running out of memory here is told
        as a notice and never ends it.
        """
        while True:
            try:
                return work(self._rows)
            except torch.OutOfMemoryError:
                pass  # the tensors of the failed work are free only outside of this clause
            torch.cuda.empty_cache()
            if self._rows == 1:
                self._tell("not even for one row: this look is left out")
                return None
            self._rows //= 2
            self._tell(f"from now on {self._rows} {'row' if self._rows == 1 else 'rows'} at once")

    def _tell(self, consequence: str) -> None:
        self._reporter.notice(f"no memory for {self._what}: {consequence}", level="warning")
