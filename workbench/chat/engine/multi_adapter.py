"""Base and adapters in one forward pass: each row of a batch with its own adapter."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from workbench.core.errors import FtwbError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

    from workbench.strategies.delta import ModuleDelta


_FLATTENED = 2
"""Dimensions of what a module sees that takes all tokens of a batch as rows."""


class CannotShareBatchError(FtwbError):
    """A module does not see the rows of a batch one after the other."""


class RowSpan(NamedTuple):
    """Neighbouring rows of a batch that belong to one lane, and the strength of its adapter."""

    lane: str
    start: int
    end: int
    rows: int
    strength: float

    def of(self, tensor: Tensor) -> Tensor:
        """The part of a module's ``[rows, length, …]`` or ``[rows · length, …]`` of these rows.

        Raises:
            CannotShareBatchError: It has neither of the two shapes.
        """
        each, rest = divmod(len(tensor), self.rows)
        if rest or (each > 1 and tensor.dim() > _FLATTENED):
            raise CannotShareBatchError(
                f"a module sees {tuple(tensor.shape)} for a batch of {self.rows} rows"
            )
        return tensor[self.start * each : self.end * each]


@dataclass
class MultiAdapter:
    """The base, with hooks on the modules to whose outputs some lane adds something.

    A hook adds in place to the rows of its lane, which are neighbours, also where a module sees all
    tokens of the batch in one dimension (OPT's MLP, shared experts). So nothing is gathered or
    copied, and the rows of the base are what the base alone computes for the same batch, bit for
    bit. Outside of :meth:`assign_rows` the base answers as if there were no hooks.
    """

    base: PreTrainedModel
    _deltas: dict[str, dict[str, ModuleDelta]] = field(default_factory=dict)
    """By module and lane."""
    _spans: list[RowSpan] = field(default_factory=list)

    def add_lane(self, lane: str, module_deltas: Mapping[str, ModuleDelta]) -> None:
        """Hook a lane's deltas to the modules of the base that they are named after."""
        for module, delta in module_deltas.items():
            if module not in self._deltas:
                self._deltas[module] = {}
                hook = partial(_add_deltas, self._spans, self._deltas[module])
                self.base.get_submodule(module).register_forward_hook(hook)
            self._deltas[module][lane] = delta

    @contextmanager
    def assign_rows(self, lanes: Sequence[str], strengths: Mapping[str, float]) -> Iterator[None]:
        """Assign each row of the forward passes inside the context to a lane.

        Args:
            lanes: The lane of every row; rows of the same lane must be neighbours.
            strengths: By lane; 1 if a lane is missing. With 0 nothing is computed for it.
        """
        for lane in dict.fromkeys(lanes):
            if strength := strengths.get(lane, 1.0):
                start = lanes.index(lane)
                end = start + lanes.count(lane)
                self._spans.append(RowSpan(lane, start, end, len(lanes), strength))
        try:
            yield
        finally:
            self._spans.clear()


def _add_deltas(
    spans: list[RowSpan],
    deltas: Mapping[str, ModuleDelta],
    _module: Module,
    inputs: tuple[Tensor, ...],
    output: Tensor | tuple[Tensor, ...],
) -> None:
    """Forward hook: change a module's output or, where it is a tuple (attention), the first."""
    hidden = output[0] if isinstance(output, tuple) else output
    module_input = inputs[0] if inputs else hidden
    for span in spans:
        if span.lane in deltas:
            deltas[span.lane].add(span.of(module_input), span.of(hidden), span.strength)
