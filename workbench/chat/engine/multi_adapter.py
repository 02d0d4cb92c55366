"""Base and adapters in one forward pass: each row of a batch with its own additions."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

    from workbench.strategies.delta import ModuleDelta


class Span(NamedTuple):
    """Rows of a batch that belong to one lane, and how strongly its additions count there."""

    lane: str
    first: int
    end: int
    strength: float


@dataclass
class Mixture:
    """The base with hooks beside the modules to which some lane adds something.

    A hook adds in place to the rows of its lane, which lie side by side: nothing is selected or
    copied, and the rows of the base are what the base alone makes of the same batch, bit for bit.
    Outside :meth:`rows` the base answers as if there was none.
    """

    base: PreTrainedModel
    _beside: dict[str, dict[str, ModuleDelta]] = field(default_factory=dict)
    _spans: list[Span] = field(default_factory=list)

    def add(self, lane: str, module_deltas: Mapping[str, ModuleDelta]) -> None:
        """Put a lane's additions beside the base's modules that they are named after."""
        for name, addition in module_deltas.items():
            beside = self._beside.get(name)
            if beside is None:
                beside = self._beside[name] = {}
                hook = partial(_add, self._spans, beside)
                self.base.get_submodule(name).register_forward_hook(hook)
            beside[lane] = addition

    @contextmanager
    def rows(self, lanes: Sequence[str], strengths: Mapping[str, float]) -> Iterator[None]:
        """Let each row of what is computed inside belong to a lane.

        Args:
            lanes: The lane of every row; those of one lane follow each other.
            strengths: Of the lanes that do not count fully; at 0 nothing is computed for one.
        """
        self._spans[:] = _spans(lanes, strengths)
        try:
            yield
        finally:
            self._spans.clear()


def _spans(lanes: Sequence[str], strengths: Mapping[str, float]) -> Iterator[Span]:
    for lane in dict.fromkeys(lanes):
        strength = strengths.get(lane, 1.0)
        if strength:
            first = lanes.index(lane)
            yield Span(lane, first, first + lanes.count(lane), strength)


def _add(
    spans: list[Span],
    beside: dict[str, ModuleDelta],
    _module: Module,
    given: tuple[Tensor, ...],
    output: Tensor | tuple[Tensor, ...],
) -> None:
    """Change the first output; attention gives its weights as a second one."""
    for lane, first, end, strength in spans:
        addition = beside.get(lane)
        if addition is not None:
            made = output[0] if isinstance(output, tuple) else output
            source = given[0] if given else made
            addition.add(source[first:end], made[first:end], strength)
