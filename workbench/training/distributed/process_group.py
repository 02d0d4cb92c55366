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

    from workbench.data.batches import Tokenised

T = TypeVar("T")


@dataclass(frozen=True)
class ProcessGroup:
    """One process among those of a run; a single process never calls torch.distributed.

    The main process alone writes into the run folder, reads the user's requests and decides; the
    others do the same at the same step. All must call the same methods in the same order. Where one
    fails the others fail too, because they wait for it in vain.

    Attributes:
        rank: Number of this process, from 0.
        size: How many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the main process."""
        return self.rank == 0

    def from_main(self, compute: Callable[[], T]) -> T:
        """Compute a value in the main process and return it in all; the others wait for it."""
        if self.size == 1:
            return compute()
        values: list[Any] = [compute() if self.is_main else None]
        torch.distributed.broadcast_object_list(values, device=torch.device("cpu"))
        value: T = values[0]
        return value

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Let the main process go first, then all others at once, who find what it has cached."""
        if not self.is_main:
            self.from_main(lambda: None)
        yield
        if self.is_main:
            self.from_main(lambda: None)

    def gather(self, value: T) -> list[T]:
        """The values of all processes, by rank."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(values, value)
        return values

    def total(self, numbers: Sequence[float]) -> list[float]:
        """The numbers of all processes, added up element by element."""
        if self.size == 1:
            return list(numbers)
        sums = torch.tensor(numbers, dtype=torch.float64)
        torch.distributed.all_reduce(sums)
        return [float(number) for number in sums]

    def require_same_rows(self, rows: Iterable[Tokenised]) -> None:
        """Refuse to train together on rows that differ, as where machines share no storage.

        Raises:
            BadInputError: They differ.
        """
        if self.size == 1:
            return
        digest = hashlib.sha256()
        for row in rows:
            digest.update(repr((row.input_ids, row.labels)).encode())
        if len(set(self.gather(digest.hexdigest()))) > 1:
            raise BadInputError(
                "ranks loaded different rows; put the dataset and FTWB_CACHE on shared storage"
            )

    def shut_down(self) -> None:
        """Wait for all processes; from then on each is alone."""
        if self.size > 1:
            self.gather(None)
            torch.distributed.destroy_process_group()


SINGLE_PROCESS = ProcessGroup()
