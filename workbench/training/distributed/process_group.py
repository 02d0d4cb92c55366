"""The processes that train one model together, as each of them sees the others."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from workbench.retention.base import GeneralRow

T = TypeVar("T")


@dataclass(frozen=True)
class ProcessGroup:
    """One process among those of a run; alone, nothing is asked of torch.distributed.

    The first one leads: it alone writes into the run folder, obeys the user and judges, and the
    others do what it says at the same step. All of them must call the same methods in the same
    order. Where one fails the others fail too, because they wait for it in vain.

    Attributes:
        rank: Its number, from 0.
        size: How many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether it is the first."""
        return self.rank == 0

    def from_main(self, decide: Callable[[], T]) -> T:
        """What the leader decides, for all; the others wait for it."""
        if self.size == 1:
            return decide()
        told: list[Any] = [decide() if self.is_main else None]
        torch.distributed.broadcast_object_list(told, device=torch.device("cpu"))
        decided: T = told[0]
        return decided

    def gather(self, value: T) -> list[T]:
        """Everybody's value, by rank."""
        if self.size == 1:
            return [value]
        every: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(every, value)
        return every

    def total(self, numbers: Sequence[float]) -> list[float]:
        """Everybody's numbers added up, place by place."""
        if self.size == 1:
            return list(numbers)
        sums = torch.tensor(numbers, dtype=torch.float64)
        torch.distributed.all_reduce(sums)
        return [float(number) for number in sums]

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The leader first, then all others at once: they find what it has fetched or made."""
        if not self.is_main:
            self.from_main(lambda: None)
        yield
        if self.is_main:
            self.from_main(lambda: None)

    def require_same(self, rows: Iterable[GeneralRow]) -> None:
        """Refuse to train together on rows that differ, as where machines share no cache.

        Raises:
            BadInputError: They do.
        """
        if self.size == 1:
            return
        digest = hashlib.sha256()
        for row in rows:
            digest.update(repr((row.input_ids, row.labels)).encode())
        if len(set(self.gather(digest.hexdigest()))) > 1:
            raise BadInputError(
                "the processes of this run do not read the same rows; let their machines share the "
                "dataset and FTWB_CACHE"
            )

    def leave(self) -> None:
        """Go on without each other, once all are here."""
        if self.size > 1:
            self.gather(None)
            torch.distributed.destroy_process_group()


SINGLE_PROCESS = ProcessGroup()
