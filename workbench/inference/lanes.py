"""A lane: one side of the split chat, and how its next logits are computed."""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import torch
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

Answering = Literal["shared", "side by side"]


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
        mode: ``shared`` when all lanes hold one set of base weights.
    """

    base: PreTrainedModel
    every: tuple[Lane, ...]
    mode: Answering

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

    def weight_bytes(self) -> int:
        """Memory of all weights, tensors that lanes share counted once."""
        storages = {
            tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
            for lane in self.every
            for tensor in (*lane.model.parameters(), *lane.model.buffers())
        }
        return sum(storages.values())

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


def open_lanes(base: PreTrainedModel, tuned: Module, *, shared: bool) -> Lanes:
    """Put base and tuned model side by side; ``shared`` says that they hold the same tensors."""
    lanes = (Lane("base", base.train(mode=False)), Lane("tuned", tuned.train(mode=False)))
    return Lanes(base, lanes, "shared" if shared else "side by side")


def twin(model: PreTrainedModel) -> PreTrainedModel:
    """A second model on the very same tensors.

    An adapter attached to the twin leaves the original as it is: both answer without switching the
    adapter off and on between two tokens, which through PEFT takes half as long as the token
    itself on a small model, and the weights are in memory once.
    """
    tensors = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, tensors)
