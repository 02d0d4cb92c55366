"""A model and its KV cache: one forward pass over the new tokens of a batch of rows."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

_FLOAT32_ROUNDING = 1e-3
_HALF_ROUNDING = 0.05
"""How far logits of a batch may be from those of its rows alone, relative to them."""


class CachedModel:
    """Reads rows piece by piece, as transformers' ``generate`` does.

    PEFT's wrapper around soft prompts puts its virtual tokens in front of whatever it is given. So
    only the first call goes through the wrapper; after it the virtual tokens are in the cache, and
    the model inside is called.

    Attributes:
        cache: Keys and values of everything read so far; None before the first call.
    """

    def __init__(self, model: Module) -> None:
        """Find out which arguments the model's ``forward`` takes."""
        from peft import PeftModel

        self.cache: Any = None
        self._model = model
        self._inner = model.get_base_model() if isinstance(model, PeftModel) else model
        parameters = inspect.signature(self._inner.forward).parameters
        self._takes_positions = "position_ids" in parameters
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in parameters else {}
        self._mask: Tensor | None = None

    @torch.inference_mode()
    def read(self, ids: Tensor, mask: Tensor | None = None, *, last_only: bool = True) -> Tensor:
        """Read the next tokens of every row.

        Args:
            ids: Token ids ``[rows, new]``.
            mask: ``[rows, new]``, 0 for padding on the left; None if there is none.
            last_only: Return the logits after the last token only.

        Returns:
            Float32 logits after each new token, ``[rows, new, vocabulary]``, or after the last one,
            ``[rows, 1, vocabulary]``.
        """
        first, new = self._mask is None, ids.shape[1]
        new_mask = torch.ones_like(ids) if mask is None else mask
        self._mask = new_mask if self._mask is None else torch.cat([self._mask, new_mask], dim=1)
        model = self._model if first else self._inner
        arguments: dict[str, Any] = dict(self._last_only) if last_only else {}
        if self._takes_positions and model is self._inner:  # the wrapper counts them by itself
            arguments["position_ids"] = positions(self._mask)[:, -new:]
        output = model(
            input_ids=ids,
            attention_mask=self._mask,
            past_key_values=self.cache,
            use_cache=True,
            **arguments,
        )
        self.cache = output.past_key_values
        if model is not self._inner:
            virtual = self.cache.get_seq_length() - self._mask.shape[1]
            self._mask = torch.cat([self._mask.new_ones(len(ids), virtual), self._mask], dim=1)
        logits: Tensor = output.logits[:, -(1 if last_only else new) :].float()
        return logits

    def keep_rows(self, rows: Sequence[int]) -> None:
        """Drop all other rows with their keys and values."""
        assert self._mask is not None  # noqa: S101 - narrows for mypy
        index = self._mask.new_tensor(rows)
        self._mask = self._mask[index]
        self.cache.batch_select_indices(index)


def positions(mask: Tensor) -> Tensor:
    """Positions ``[rows, length]``, counted from 0 at each row's first token after its padding."""
    return (mask.cumsum(dim=1) - 1).clamp(min=0)


def pad_left(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Rows of token ids of different lengths as one ``[rows, longest]``, and its mask."""
    from torch.nn.utils.rnn import pad_sequence

    ids = pad_sequence(list(rows), batch_first=True, padding_side="left")
    ones = [torch.ones_like(row) for row in rows]
    return ids, pad_sequence(ones, batch_first=True, padding_side="left")


def can_batch(base: PreTrainedModel) -> bool:
    """Whether rows of different lengths give the same logits in a batch as alone; by trying it.

    They do not if the model has state beyond a plain cache of keys and values, or positions that
    count padding.
    """
    from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

    rows = [torch.arange(1, end, device=base.device) for end in (4, 9)]
    batch = CachedModel(base)
    together = batch.read(*pad_left(rows))
    plain = (DynamicLayer, DynamicSlidingWindowLayer)
    if type(batch.cache) is not DynamicCache or any(
        type(layer) not in plain for layer in batch.cache.layers
    ):
        return False
    alone = torch.cat([CachedModel(base).read(row[None]) for row in rows])
    rounding = _FLOAT32_ROUNDING if base.dtype == torch.float32 else _HALF_ROUNDING
    return bool((together - alone).norm() <= rounding * alone.norm())
