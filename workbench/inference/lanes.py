"""A lane: one side of the split chat, and how its next logits are computed."""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench.inference.messages import LaneFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import torch
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Lane:
    """A name and the model that answers under it."""

    name: str
    model: Module

    @property
    def reads_on(self) -> Module:
        """What continues from a cache: the same layers without the wrapper around them.

        PEFT's wrapper puts virtual tokens in front of whatever it is given; after the first pass
        they are in the cache already.
        """
        from peft import PeftModel

        if isinstance(self.model, PeftModel):
            inner: Module = self.model.get_base_model()
            return inner
        return self.model


@dataclass
class Row:
    """One conversation being answered: what the model has seen, and what it has yet to read.

    Attributes:
        seen: All tokens, the prompt's and the answer's, ``[1, length]``.
        unread: How many of the last tokens are not in the cache yet.
        cache: The lane's keys and values, made by the model itself at the first pass.
    """

    lane: Lane
    seen: Tensor
    unread: int
    cache: Any = None


@dataclass(frozen=True)
class Lanes:
    """The open lanes and how they are stepped: one forward pass a lane, in turns.

    Attributes:
        base: The base model; its generation config and its abilities hold for every lane.
        every: All of them, the base's own first.
    """

    base: PreTrainedModel
    every: tuple[Lane, ...]

    @property
    def device(self) -> torch.device:
        """Where the models are."""
        return self.base.device

    def named(self, name: str) -> Lane:
        """The lane of that name."""
        return next(lane for lane in self.every if lane.name == name)

    def step(self, rows: Iterable[Row]) -> Iterator[tuple[Row, Tensor]]:
        """Yield the logits of the next token for every row, float32 ``[1, vocabulary]``.

        Rows come back one after the other, each as soon as it is known, so that the caller may show
        it; the order is that of ``rows``.
        """
        for row in rows:
            yield row, self._forward(row)

    def logits(self, name: str, ids: Tensor) -> Tensor:
        """What a lane makes of whole texts, without a cache.

        Args:
            name: The lane.
            ids: Token ids ``[1, length]``.

        Returns:
            Logits after every token, float32 ``[length, vocabulary]``.
        """
        import torch

        with torch.inference_mode():
            output = self.named(name).model(
                input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False
            )
        logits: Tensor = output.logits[0, -ids.shape[1] :].float()
        return logits

    def facts(self) -> tuple[LaneFacts, ...]:
        """What each lane is, weights that lanes share counted for the first of them."""
        known: dict[int, int] = {}
        told = []
        for lane in self.every:
            own = {
                place: size for place, size in _storages(lane.model).items() if place not in known
            }
            known |= own
            told.append(
                LaneFacts(
                    name=lane.name,
                    decoding="in turns",
                    extra_bytes=sum(own.values()),
                    scalable=False,
                )
            )
        return tuple(told)

    def _forward(self, row: Row) -> Tensor:
        import torch

        first = row.cache is None
        known = 0 if first else row.cache.get_seq_length()
        model = row.lane.model if first else row.lane.reads_on
        with torch.inference_mode():
            output = model(
                input_ids=row.seen[:, -row.unread :],
                attention_mask=row.seen.new_ones(1, known + row.unread),
                past_key_values=row.cache,
                use_cache=True,
                **self._last_logits_only,
            )
        row.cache, row.unread = output.past_key_values, 0
        logits: Tensor = output.logits[:, -1].float()
        return logits

    @cached_property
    def _last_logits_only(self) -> dict[str, int]:
        """Spare ``[length, vocabulary]`` logits of the prompt where the model knows how."""
        known = inspect.signature(self.base.forward).parameters
        return {"logits_to_keep": 1} if "logits_to_keep" in known else {}


def _storages(model: Module) -> dict[int, int]:
    """Sizes in bytes of the memory that the tensors of a model lie in, by address."""
    return {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
        for tensor in (*model.parameters(), *model.buffers())
    }


def open_lanes(base: PreTrainedModel, others: Mapping[str, Module]) -> Lanes:
    """Put the base and other models side by side."""
    named = {"base": base, **others}
    lanes = tuple(Lane(name, model.train(mode=False)) for name, model in named.items())
    return Lanes(base, lanes)


def twin(model: PreTrainedModel) -> PreTrainedModel:
    """A second model on the very same tensors.

    An adapter attached to the twin leaves the original as it is: both answer without switching the
    adapter off and on between two tokens, which through PEFT takes half as long as the token
    itself on a small model, and the weights are in memory once.
    """
    tensors = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, tensors)
