"""KL to the base, exact or from the base's most likely tokens, and the guard that penalises it."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import torch
from torch.autograd import Function

from workbench.retention.base import Guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from torch import Tensor
    from torch.nn import Module

    from workbench.retention.base import TensorBatch

BasePredictions: TypeAlias = (
    "Callable[[Module], AbstractContextManager[None]] | Sequence[TopTokens]"
)
"""A context in which a model answers as the base, or the base's top tokens of each batch."""

_CHUNK = 8192
"""Vocabulary entries converted to float32 at a time."""


class TopTokens(NamedTuple):
    """Next-token distributions reduced to their most likely tokens and one tail.

    Attributes:
        ids: The k most likely tokens, ``[tokens, k]``.
        log_probs: Their log-probabilities, ``[tokens, k]``.
        tail: Log-probability of all other tokens together, ``[tokens]``.
    """

    ids: Tensor
    log_probs: Tensor
    tail: Tensor


def kl_to_base(base: Tensor, tuned: Tensor) -> Tensor:
    """KL(p_base ‖ p_tuned) of each token, in nats, ``[tokens]``; differentiable in ``tuned``.

    Both arguments are logits ``[tokens, vocabulary]``. The vocabulary is processed in chunks, so
    that no float32 copy of the logits is ever in memory.
    """
    divergence: Tensor = _Divergence.apply(tuned, base)  # type: ignore[no-untyped-call]
    return divergence


def top_tokens(logits: Tensor, k: int) -> TopTokens:
    """Reduce ``logits [tokens, vocabulary]`` to the ``k`` most likely tokens and a tail."""
    ids = logits.topk(min(k, logits.shape[-1] - 1), dim=-1).indices
    return TopTokens(ids, *_reduce(logits, ids))


def kl_to_top_tokens(base: TopTokens, tuned: Tensor) -> Tensor:
    """KL of each token between the reduced distributions, in nats: a lower bound of the exact KL.

    Merging outcomes can only lower a KL (the data processing inequality).
    """
    log_probs, tail = _reduce(tuned, base.ids)
    of_top_tokens = (base.log_probs.exp() * (base.log_probs - log_probs)).sum(-1)
    return of_top_tokens + base.tail.exp() * (base.tail - tail)


def _reduce(logits: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities of the tokens ``ids [tokens, k]``, and of all others together."""
    logits = logits.float()
    log_sum = logits.logsumexp(-1)
    log_sum_of_others = logits.scatter(-1, ids, -torch.inf).logsumexp(-1)
    return logits.gather(-1, ids) - log_sum[:, None], log_sum_of_others - log_sum


class _Divergence(Function):
    """Σ p_base·(log p_base - log p_tuned), with gradient p_tuned - p_base in the tuned logits."""

    @staticmethod
    def forward(ctx: Any, tuned: Tensor, base: Tensor) -> Tensor:
        base_log_sum, tuned_log_sum = _log_sum(base), _log_sum(tuned)
        ctx.save_for_backward(tuned, base, tuned_log_sum, base_log_sum)
        total = torch.zeros_like(base_log_sum)
        for base_chunk, tuned_chunk in _chunks(base, tuned):
            log_base = base_chunk.float() - base_log_sum
            log_tuned = tuned_chunk.float() - tuned_log_sum
            total += (log_base.exp() * (log_base - log_tuned)).sum(-1, keepdim=True)
        return total[:, 0]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        tuned, base, tuned_log_sum, base_log_sum = ctx.saved_tensors
        gradient = torch.empty_like(tuned)
        for base_chunk, tuned_chunk, gradient_chunk in _chunks(base, tuned, gradient):
            p_base = (base_chunk.float() - base_log_sum).exp()
            p_tuned = (tuned_chunk.float() - tuned_log_sum).exp()
            gradient_chunk.copy_(gradients[0][:, None] * (p_tuned - p_base))
        return gradient, None


def _chunks(*logits: Tensor) -> Iterator[tuple[Tensor, ...]]:
    return zip(*(torch.split(tensor, _CHUNK, dim=-1) for tensor in logits), strict=True)


def _log_sum(logits: Tensor) -> Tensor:
    """Logsumexp over the vocabulary, float32 ``[tokens, 1]``."""
    parts = [
        part.float().logsumexp(-1, keepdim=True) for part in torch.split(logits, _CHUNK, dim=-1)
    ]
    return torch.cat(parts, dim=-1).logsumexp(-1, keepdim=True)


class KlPenalty(Guard):
    """Adds beta times the KL to the base on one batch of general text per step.

    Dropout is off for it, so that an unchanged model has a KL of zero.
    """

    def __init__(
        self,
        strength: float,
        batches: Sequence[TensorBatch],
        logits: Callable[[Module, TensorBatch], Tensor],
        base: BasePredictions,
        *,
        seed: int,
    ) -> None:
        """Penalise the divergence from the base.

        Args:
            strength: Beta.
            batches: General text.
            logits: Computes the logits of the labelled tokens of a batch.
            base: What the base predicts.
            seed: Of the order of the batches.
        """
        self._strength = strength
        self._batches = batches
        self._logits = logits
        self._base = base
        self._seed = seed
        self._rank, self._world_size = 0, 1
        self._order = self._batch_order()
        self._drawn = 0
        self._model: Module | None = None
        self._last: Tensor | None = None

    def attach(self, model: Module) -> None:
        """Keep the model to ask it later."""
        self._model = model

    def shard(self, rank: int, world_size: int) -> None:
        """Draw every ``world_size``-th batch: together the processes draw them as one would."""
        self._rank, self._world_size = rank, world_size
        self._order = self._batch_order()

    def penalty(self) -> Tensor | None:
        """Beta times the mean KL of the tokens of the next batch."""
        assert self._model is not None  # noqa: S101 - narrows for mypy
        index = next(self._order)
        self._drawn += 1
        with _without_dropout(self._model):
            kl = self._kl(self._model, index).mean()
        self._last = kl.detach()
        return self._strength * kl

    def logs(self) -> dict[str, float]:
        """The KL on the last batch."""
        return {} if self._last is None else {"kl": float(self._last)}

    def state_dict(self) -> dict[str, Any]:
        """How many batches were drawn."""
        return {"drawn": self._drawn}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Skip the batches that were drawn before."""
        self._drawn = state["drawn"]
        self._order = islice(self._batch_order(), self._drawn, None)

    def _batch_order(self) -> Iterator[int]:
        return islice(
            _endless_shuffle(len(self._batches), self._seed), self._rank, None, self._world_size
        )

    def _kl(self, model: Module, index: int) -> Tensor:
        batch = self._batches[index]
        if not callable(self._base):
            return kl_to_top_tokens(self._base[index], self._logits(model, batch))
        with torch.no_grad(), self._base(model):
            base = self._logits(model, batch)
        return kl_to_base(base, self._logits(model, batch))


def _endless_shuffle(count: int, seed: int) -> Iterator[int]:
    """Every number below ``count`` once per pass, in a new order each pass."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(count, generator=generator).tolist()


@contextmanager
def _without_dropout(model: Module) -> Iterator[None]:
    """Evaluation mode with gradients inside; the previous mode afterwards."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
