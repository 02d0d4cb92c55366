"""Lanes: the base and the results that answer beside it in one chat."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from workbench.chat.engine.cached_model import can_batch
from workbench.chat.engine.multi_adapter import MultiAdapter
from workbench.chat.protocol import LaneFacts
from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import torch
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

    from workbench.strategies.delta import ModuleDelta
    from workbench.strategies.interpolation import Interpolation


@dataclass(frozen=True)
class Lane:
    """A name, and the model that answers under it.

    Attributes:
        model: The base, if the lane only adds to the outputs of its modules; else its own model.
        module_deltas: What it adds, by module; None if it has its own model.
        deltas_scale: Whether the deltas can be scaled by a strength.
        interpolation: Scales the weights of the lane's model; None if they cannot be scaled.
    """

    name: str
    model: Module
    module_deltas: Mapping[str, ModuleDelta] | None = None
    deltas_scale: bool = False
    interpolation: Interpolation | None = None

    @property
    def runs_on_base(self) -> bool:
        """Whether it runs on the base's model, in one batch with the other lanes that do."""
        return self.module_deltas is not None

    @property
    def scalable(self) -> bool:
        """Whether it can answer at a strength other than 1."""
        return self.deltas_scale or self.interpolation is not None

    def tensors(self) -> Iterator[Tensor]:
        """Every tensor it needs, including those it shares with other lanes."""
        if self.module_deltas:
            for delta in self.module_deltas.values():
                yield from delta.tensors()
        else:
            yield from self.model.parameters()
            yield from self.model.buffers()


@dataclass(frozen=True)
class Lanes:
    """The open lanes and their current strengths.

    Attributes:
        base: The base model; its generation config holds for every lane.
        all: All lanes, the base's own first.
        multi_adapter: The base with the deltas of all lanes that run on it.
        shares_batch: Whether the lanes that run on the base answer in one batch.
        strengths: Strengths other than 1, by lane; see :meth:`with_strengths`.
    """

    base: PreTrainedModel
    all: tuple[Lane, ...]
    multi_adapter: MultiAdapter
    shares_batch: bool
    strengths: dict[str, float] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where the models are."""
        return self.base.device

    def get(self, name: str) -> Lane:
        """The lane of that name.

        Raises:
            BadInputError: No such lane is open.
        """
        for lane in self.all:
            if lane.name == name:
                return lane
        names = ", ".join(lane.name for lane in self.all)
        raise BadInputError(f"no lane {name!r} is open; there are {names}")

    @contextmanager
    def with_strengths(self, strengths: Mapping[str, float]) -> Iterator[None]:
        """Let lanes answer at other strengths inside the context.

        Raises:
            BadInputError: A lane is not open, or cannot be scaled.
        """
        for name, strength in strengths.items():
            lane = self.get(name)
            if strength != 1 and not lane.scalable:
                raise BadInputError(
                    f"the {name} lane cannot be scaled: only adapters and changed weights can"
                )
        self.strengths.update(strengths)
        try:
            yield
        finally:
            self.strengths.clear()

    def apply_strength(self, lane: Lane) -> None:
        """Move the weights of a lane's own model to its strength; deltas are scaled on the fly."""
        if lane.interpolation:
            lane.interpolation.set_alpha(self.strengths.get(lane.name, 1.0))

    def facts(self, notes: Mapping[str, str] = MappingProxyType({})) -> tuple[LaneFacts, ...]:
        """A description of each lane; shared weights count for the first lane that has them.

        Args:
            notes: What a user must know of a lane, by its name.
        """
        batched = self.shares_batch and sum(lane.runs_on_base for lane in self.all) > 1
        counted: dict[int, int] = {}
        facts = []
        for lane in self.all:
            storages = [tensor.untyped_storage() for tensor in lane.tensors()]
            sizes = {storage.data_ptr(): storage.nbytes() for storage in storages}
            own = sizes.keys() - counted.keys()
            facts.append(
                LaneFacts(
                    name=lane.name,
                    decoding="one batch" if batched and lane.runs_on_base else "in turns",
                    extra_bytes=sum(sizes[address] for address in own),
                    scalable=lane.scalable,
                    note=notes.get(lane.name, ""),
                )
            )
            counted |= sizes
        return tuple(facts)


def open_lanes(base: PreTrainedModel, others: Sequence[Lane]) -> Lanes:
    """Open lanes beside the base's own; from now on the base's model has their hooks."""
    multi_adapter = MultiAdapter(base.train(mode=False))
    for lane in others:
        lane.model.train(mode=False)
        multi_adapter.add_lane(lane.name, lane.module_deltas or {})
    shares_batch = any(lane.runs_on_base for lane in others) and can_batch(base)
    return Lanes(base, (Lane("base", base, {}), *others), multi_adapter, shares_batch)


def twin(model: PreTrainedModel) -> PreTrainedModel:
    """A second model on the very same tensors.

    An adapter attached to the twin leaves the original unchanged. So both answer without switching
    the adapter off and on between two tokens (with PEFT on a small model that takes half as long as
    the token itself), and the weights are in memory once.
    """
    tensors = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, tensors)
