"""A lane: one side of the split chat, and how its next logits are computed."""

from __future__ import annotations

import inspect
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    import torch
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

Answering = Literal["shared", "side by side"]


@dataclass(frozen=True)
class Lane:
    """A name, a model, and the context in which that model is this lane.

    Attributes:
        switch: Entered round every forward pass; the base lane of a LoRA run switches the adapter
            off in it.
    """

    name: str
    model: Module
    switch: Callable[[], AbstractContextManager[None]] = nullcontext


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
        mode: ``shared`` when all lanes run on one set of base weights.
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

        with torch.inference_mode(), row.lane.switch():
            output = row.lane.model(
                input_ids=row.seen[:, -row.unread :],
                attention_mask=torch.ones_like(row.seen),
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


def shared(
    base: PreTrainedModel, tuned: Module, without: Callable[[], AbstractContextManager[None]]
) -> Lanes:
    """Both lanes on one set of weights: ``tuned`` answers as the base inside ``without``."""
    lanes = (Lane("base", tuned.train(mode=False), without), Lane("tuned", tuned))
    return Lanes(base, lanes, "shared")


def side_by_side(base: PreTrainedModel, tuned: Module) -> Lanes:
    """Two models in memory, each a lane."""
    return Lanes(
        base,
        (Lane("base", base.train(mode=False)), Lane("tuned", tuned.train(mode=False))),
        "side by side",
    )
