"""A lane: one side of the split chat, and how its next logits are computed."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench.chat.engine.batch import Batch, Forward, can_batch
from workbench.chat.engine.multi_adapter import Mixture
from workbench.chat.protocol import LaneFacts
from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import torch
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

    from workbench.strategies.delta import ModuleDelta
    from workbench.strategies.interpolation import Interpolation


@dataclass(frozen=True)
class Lane:
    """A name and what answers under it.

    Attributes:
        model: The base, for lanes that only add to it; else a model of their own.
        additions: What they add; None for a model of its own.
        scalable: Whether the additions have a strength.
        line: On which the weights of a model of its own move with their strength.
    """

    name: str
    model: Module
    module_deltas: Mapping[str, ModuleDelta] | None = None
    scalable: bool = False
    line: Interpolation | None = None

    @property
    def mixes(self) -> bool:
        """Whether it answers on the base's own model, with other such lanes."""
        return self.module_deltas is not None

    @cached_property
    def reads_first(self) -> Forward:
        """What reads a conversation from its start."""
        inside = self._inside
        return Forward(self.model, None if inside is self.model else inside)

    @cached_property
    def reads_on(self) -> Forward:
        """What continues from a cache: the same layers without the wrapper around them.

        PEFT's wrapper puts virtual tokens in front of whatever it is given; after the first pass
        they are in the cache already.
        """
        return Forward(self._inside)

    @property
    def _inside(self) -> Module:
        from peft import PeftModel

        if isinstance(self.model, PeftModel):
            inside: Module = self.model.get_base_model()
            return inside
        return self.model

    def tensors(self) -> Iterator[Tensor]:
        """Every tensor it holds, shared ones too."""
        if self.module_deltas:
            for addition in self.module_deltas.values():
                yield from addition.tensors()
        else:
            yield from self.model.parameters()
            yield from self.model.buffers()


@dataclass(eq=False)
class Row:
    """One conversation being answered: what the model has seen, and what it has yet to read.

    Attributes:
        seen: All tokens, the prompt's and the answer's, ``[1, length]``.
        unread: How many of the last tokens are not in the cache yet.
        cache: Keys and values, where the lane has a model of its own; else the batch has them.
    """

    lane: Lane
    seen: Tensor
    unread: int
    cache: Any = None


@dataclass(frozen=True)
class Lanes:
    """The open lanes, and how strongly each counts at the moment.

    Attributes:
        base: The base model; its generation config and its abilities hold for every lane.
        every: All of them, the base's own first.
        mixture: The base with what the lanes add to it.
        together: Whether lanes that only add to the base answer in one batch with it.
    """

    base: PreTrainedModel
    every: tuple[Lane, ...]
    mixture: Mixture
    together: bool
    _strengths: dict[str, float] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where the models are."""
        return self.base.device

    def named(self, name: str) -> Lane:
        """The lane of that name.

        Raises:
            BadInputError: There is none.
        """
        for lane in self.every:
            if lane.name == name:
                return lane
        there = ", ".join(lane.name for lane in self.every)
        raise BadInputError(f"no lane {name!r} is open; there are {there}")

    @contextmanager
    def at(self, strengths: Mapping[str, float]) -> Iterator[None]:
        """Let lanes answer inside at other strengths than 1.

        Raises:
            BadInputError: A lane is not open, or has no strength.
        """
        for name, strength in strengths.items():
            lane = self.named(name)
            if strength != 1 and not (lane.scalable or lane.line):
                raise BadInputError(
                    f"the {name} lane has no strength: it is no change of weights, or the base"
                )
        self._strengths.update(strengths)
        try:
            yield
        finally:
            self._strengths.clear()

    def stepping(self, rows: Sequence[Row]) -> Stepping:
        """Get ready to answer ``rows``, none of which has been read."""
        return Stepping(self, rows)

    def logits(self, name: str, ids: Tensor) -> Tensor:
        """What a lane makes of a whole text, without a cache.

        Args:
            name: The lane.
            ids: Token ids ``[1, length]``.

        Returns:
            Logits after every token, float32 ``[length, vocabulary]``.
        """
        import torch

        lane = self.named(name)
        self.settle(lane)
        with self.mixture.rows([name], self._strengths), torch.inference_mode():
            output = lane.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
        logits: Tensor = output.logits[0, -ids.shape[1] :].float()
        return logits

    def settle(self, lane: Lane) -> None:
        """Bring a model of its own to its strength."""
        if lane.line:
            lane.line.set_alpha(self._strengths.get(lane.name, 1.0))

    def strengths(self) -> Mapping[str, float]:
        """Those of the lanes that count otherwise than fully at the moment."""
        return self._strengths

    def facts(self) -> tuple[LaneFacts, ...]:
        """What each lane is, weights that lanes share counted for the first of them."""
        known: dict[int, int] = {}
        told = []
        mixing = self.together and sum(lane.mixes for lane in self.every) > 1
        for lane in self.every:
            held = _storages(lane.tensors())
            told.append(
                LaneFacts(
                    name=lane.name,
                    decoding="one batch" if mixing and lane.mixes else "in turns",
                    extra_bytes=sum(held[place] for place in held.keys() - known.keys()),
                    scalable=lane.scalable or lane.line is not None,
                )
            )
            known |= held
        return tuple(told)


class Stepping:
    """The way through one request: rows that can share a pass do, the others take turns."""

    def __init__(self, lanes: Lanes, rows: Sequence[Row]) -> None:
        """Put the rows together that can be."""
        self._lanes = lanes
        mixing = [row for row in rows if row.lane.mixes]
        groups = [mixing] if lanes.together else [[row] for row in mixing]
        self._batches = [Batch(lanes.mixture, group) for group in groups if group]
        for row in rows:
            lanes.settle(row.lane)

    def step(self, live: Sequence[Row]) -> Iterator[tuple[Row, Tensor]]:
        """Yield the logits of the next token for every row that goes on, ``[1, vocabulary]``.

        They come as soon as they are known, so that the caller may show what follows from them.
        """
        for batch in self._batches:
            going_on = [row for row in batch.rows if row in live]
            if going_on:
                logits = batch.step(going_on, self._lanes.strengths())
                yield from zip(going_on, logits[:, None], strict=True)
        for row in live:
            if not row.lane.mixes:
                yield row, _step_alone(row)


def _step_alone(row: Row) -> Tensor:
    """One pass of a model of its own, whose wrapper knows its positions itself."""
    first = row.cache is None
    known = 0 if first else row.cache.get_seq_length()
    forward = row.lane.reads_first if first else row.lane.reads_on
    logits, row.cache = forward(
        row.seen[:, -row.unread :], row.seen.new_ones(1, known + row.unread), row.cache
    )
    row.unread = 0
    return logits


def open_lanes(base: PreTrainedModel, others: Sequence[Lane]) -> Lanes:
    """Put lanes beside that of the base; from now on its model mixes what they add to it."""
    mixture = Mixture(base.train(mode=False))
    every = [Lane("base", base, {})]
    for lane in others:
        lane.model.train(mode=False)
        mixture.add(lane.name, lane.module_deltas or {})
        every.append(lane)
    mixes = any(lane.mixes for lane in others)
    return Lanes(base, tuple(every), mixture, mixes and can_batch(base))


def twin(model: PreTrainedModel) -> PreTrainedModel:
    """A second model on the very same tensors.

    An adapter attached to the twin leaves the original as it is: both answer without switching the
    adapter off and on between two tokens, which through PEFT takes half as long as the token
    itself on a small model, and the weights are in memory once.
    """
    tensors = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, tensors)


def _storages(tensors: Iterable[Tensor]) -> dict[int, int]:
    """Sizes in bytes of the memory that tensors lie in, by address."""
    return {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors
    }
