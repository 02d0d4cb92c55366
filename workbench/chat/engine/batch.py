"""Conversations that are answered together: one cache, one forward pass a token."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

    from workbench.chat.engine.lanes import Row
    from workbench.chat.engine.multi_adapter import Mixture

_ROUNDING = 1e-3
_COARSE_ROUNDING = 0.05
"""How far rows of a batch may be from the same rows alone, relative to their logits."""


class Batch:
    """Rows of several lanes on one base; shorter conversations are padded on their left.

    Attributes:
        rows: Those still in it, in the order of the batch.
    """

    def __init__(self, mixture: Mixture, rows: Sequence[Row]) -> None:
        """Start with ``rows``, those of one lane beside each other; none has been read yet."""
        self.rows = list(rows)
        self._mixture = mixture
        self._forward = Forward(mixture.base)
        self._mask: Tensor | None = None
        self._cache: Any = None

    def step(self, live: Sequence[Row], strengths: Mapping[str, float]) -> Tensor:
        """Read what is unread of the rows that go on; the others leave with their cache.

        Returns:
            Logits of the next token, float32 ``[rows, vocabulary]``, in the order of :attr:`rows`.
        """
        import torch

        self._keep(live)
        if self._mask is None:
            ids, self._mask = pad_left([row.seen[0] for row in self.rows])
        else:
            ids = torch.cat([row.seen[:, -1:] for row in self.rows])
            self._mask = torch.cat([self._mask, self._mask.new_ones(len(self.rows), 1)], dim=1)
        with self._mixture.rows([row.lane.name for row in self.rows], strengths):
            logits, self._cache = self._forward(ids, self._mask, self._cache)
        for row in self.rows:
            row.unread = 0
        return logits

    def _keep(self, live: Sequence[Row]) -> None:
        """Let go of the rows that have ended, and of their keys and values."""
        going_on = {id(row) for row in live}
        places = [place for place, row in enumerate(self.rows) if id(row) in going_on]
        if len(places) == len(self.rows) or self._mask is None:
            return
        self.rows = [self.rows[place] for place in places]
        index = self._mask.new_tensor(places)
        self._mask = self._mask[index]
        self._cache.batch_select_indices(index)


class Forward:
    """One pass of a model over new tokens, as ``generate`` calls it."""

    def __init__(self, model: Module, inside: Module | None = None) -> None:
        """Learn what the model's own forward knows.

        Args:
            model: What is called.
            inside: The model in it, where it is a wrapper that counts positions by itself.
        """
        self._model = model
        known = inspect.signature((inside or model).forward).parameters
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in known else {}
        self._takes_positions = "position_ids" in known and inside is None

    def __call__(self, ids: Tensor, mask: Tensor, cache: Any) -> tuple[Tensor, Any]:
        """Read ``ids [rows, new]``, of all that ``mask [rows, length]`` covers the last ones.

        Returns:
            Logits of the next token, float32 ``[rows, vocabulary]``, and the cache.
        """
        output = self._pass(ids, mask, cache, self._last_only)
        return output.logits[:, -1].float(), output.past_key_values

    def every(self, ids: Tensor, mask: Tensor, cache: Any) -> tuple[Tensor, Any]:
        """The same, with the logits after every new token, ``[rows, new, vocabulary]``."""
        output = self._pass(ids, mask, cache, {})
        return output.logits[:, -ids.shape[1] :].float(), output.past_key_values

    def _pass(self, ids: Tensor, mask: Tensor, cache: Any, only: dict[str, int]) -> Any:
        import torch

        positions = _positions(mask)[:, -ids.shape[1] :]
        with torch.inference_mode():
            return self._model(
                input_ids=ids,
                attention_mask=mask,
                past_key_values=cache,
                use_cache=True,
                **({"position_ids": positions} if self._takes_positions else {}),
                **only,
            )


def _positions(mask: Tensor) -> Tensor:
    """Count from 0 at each row's first token, whatever padding stands before it."""
    return (mask.cumsum(dim=1) - 1).clamp(min=0)


def pad_left(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Token ids of unlike lengths as one ``[rows, longest]``, and the mask of what is real."""
    from torch.nn.utils.rnn import pad_sequence

    ids = pad_sequence(list(rows), batch_first=True, padding_side="left")
    real = [row.new_ones(len(row)) for row in rows]
    return ids, pad_sequence(real, batch_first=True, padding_side="left")


def can_batch(base: PreTrainedModel) -> bool:
    """Whether rows of unlike length come out of one batch as they do alone: tried, not assumed.

    State that is no plain cache of keys and values, or positions that count padding, would tell
    one row about the other.
    """
    import torch

    forward = Forward(base)
    rows = [torch.arange(1, end, device=base.device) for end in (4, 9)]
    together, cache = forward(*pad_left(rows), None)
    if not _is_plain(cache):
        return False
    apart = torch.cat([forward(*pad_left([row]), None)[0] for row in rows])
    allowed = _ROUNDING if base.dtype == torch.float32 else _COARSE_ROUNDING
    return bool((together - apart).norm() <= allowed * apart.norm())


def _is_plain(cache: Any) -> bool:
    """Whether rows can be taken out of a cache, layer by layer."""
    from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

    plain = (DynamicLayer, DynamicSlidingWindowLayer)
    return type(cache) is DynamicCache and all(type(layer) in plain for layer in cache.layers)
