"""KL to the base, exact or from its most likely tokens, and the guard that penalises it."""

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

    from workbench.retention.base import Batch

BaseAnswers: TypeAlias = "Callable[[Module], AbstractContextManager[None]] | Sequence[TopTokens]"
"""A context in which a model answers as the base, or the base's top tokens of each batch."""

_CHUNK = 8192
"""Vocabulary entries that are turned into float32 at once."""


class TopTokens(NamedTuple):
    """A distribution by its most likely tokens and the rest as one.

    Attributes:
        ids: ``[tokens, k]``.
        log_probs: ``[tokens, k]``.
        tail: ``[tokens]``, log-probability of all other tokens together.
    """

    ids: Tensor
    log_probs: Tensor
    tail: Tensor


def kl_to_base(base: Tensor, tuned: Tensor) -> Tensor:
    """KL(p_base ‖ p_tuned) of each token, in nats, differentiable in ``tuned``.

    Both are logits ``[tokens, vocabulary]``; beside them only chunks of the vocabulary are held.
    """
    divergence: Tensor = _Divergence.apply(tuned, base)  # type: ignore[no-untyped-call]
    return divergence


def top_tokens(logits: Tensor, k: int) -> TopTokens:
    """Reduce distributions to ``k`` tokens and a tail."""
    ids = logits.topk(min(k, logits.shape[-1] - 1), dim=-1).indices
    return TopTokens(ids, *_coarse(logits, ids))


def kl_to_top_tokens(base: TopTokens, tuned: Tensor) -> Tensor:
    """KL of each token between the reduced distributions, in nats: a lower bound of the full one.

    Merging outcomes can only lower a KL (the data processing inequality).
    """
    log_probs, tail = _coarse(tuned, base.ids)
    known = (base.log_probs.exp() * (base.log_probs - log_probs)).sum(-1)
    return known + base.tail.exp() * (base.tail - tail)


def _coarse(logits: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
    logits = logits.float()
    whole = logits.logsumexp(-1)
    rest = logits.scatter(-1, ids, -torch.inf).logsumexp(-1)
    return logits.gather(-1, ids) - whole[:, None], rest - whole


class _Divergence(Function):
    @staticmethod
    def forward(ctx: Any, tuned: Tensor, base: Tensor) -> Tensor:
        base_sum, tuned_sum = _log_sum(base), _log_sum(tuned)
        ctx.save_for_backward(tuned, base, tuned_sum, base_sum)
        total = torch.zeros_like(base_sum)
        for theirs, ours in _chunks(base, tuned):
            log_base = theirs.float() - base_sum
            log_tuned = ours.float() - tuned_sum
            total += (log_base.exp() * (log_base - log_tuned)).sum(-1, keepdim=True)
        return total[:, 0]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        tuned, base, tuned_sum, base_sum = ctx.saved_tensors
        result = torch.empty_like(tuned)
        for theirs, ours, part in _chunks(base, tuned, result):
            p_base = (theirs.float() - base_sum).exp()
            p_tuned = (ours.float() - tuned_sum).exp()
            part.copy_(gradients[0][:, None] * (p_tuned - p_base))
        return result, None


def _chunks(*logits: Tensor) -> Iterator[tuple[Tensor, ...]]:
    return zip(*(torch.split(tensor, _CHUNK, dim=-1) for tensor in logits), strict=True)


def _log_sum(logits: Tensor) -> Tensor:
    """Logsumexp over the vocabulary, float32 ``[tokens, 1]``."""
    parts = [
        part.float().logsumexp(-1, keepdim=True) for part in torch.split(logits, _CHUNK, dim=-1)
    ]
    return torch.cat(parts, dim=-1).logsumexp(-1, keepdim=True)


class KlGuard(Guard):
    """Adds beta times the KL to the base on general text, one batch after the other.

    The model answers without dropout for it, so that an unchanged model has a KL of zero.
    """

    def __init__(
        self,
        strength: float,
        batches: Sequence[Batch],
        logits: Callable[[Module, Batch], Tensor],
        base: BaseAnswers,
        *,
        seed: int,
    ) -> None:
        """Penalise the divergence from a base.

        Args:
            strength: Beta.
            batches: General text.
            logits: Logits of the labelled tokens of a batch.
            base: How to know what the base would say.
            seed: Of the order of the batches.
        """
        self._strength = strength
        self._batches = batches
        self._logits = logits
        self._base = base
        self._seed = seed
        self._share = (0, 1)
        self._order = self._from_the_start()
        self._drawn = 0
        self._model: Module | None = None
        self._last: Tensor | None = None

    def attach(self, model: Module) -> None:
        """Remember whom to ask."""
        self._model = model

    def divide(self, rank: int, size: int) -> None:
        """Draw every ``size``-th batch: together the processes draw them as one would."""
        self._share = (rank, size)
        self._order = self._from_the_start()

    def penalty(self) -> Tensor | None:
        """Beta times the mean KL of the next batch's tokens."""
        assert self._model is not None  # noqa: S101 - narrows for mypy
        index = next(self._order)
        self._drawn += 1
        with _steady(self._model):
            divergence = self._divergence(self._model, index).mean()
        self._last = divergence.detach()
        return self._strength * divergence

    def numbers(self) -> dict[str, float]:
        """The KL of the last batch."""
        return {} if self._last is None else {"kl": float(self._last)}

    def state(self) -> dict[str, Any]:
        """How many batches were drawn."""
        return {"drawn": self._drawn}

    def resume(self, state: dict[str, Any]) -> None:
        """Draw those that were drawn, from the start, so that the next one comes next."""
        self._order = self._from_the_start()
        for _ in range(state["drawn"]):
            next(self._order)
        self._drawn = state["drawn"]

    def _from_the_start(self) -> Iterator[int]:
        rank, size = self._share
        return islice(_endless(len(self._batches), self._seed), rank, None, size)

    def _divergence(self, model: Module, index: int) -> Tensor:
        batch = self._batches[index]
        if not callable(self._base):
            return kl_to_top_tokens(self._base[index], self._logits(model, batch))
        with torch.no_grad(), self._base(model):
            base = self._logits(model, batch)
        return kl_to_base(base, self._logits(model, batch))


def _endless(count: int, seed: int) -> Iterator[int]:
    """Every number below ``count`` once in each pass, in an order drawn anew."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(count, generator=generator).tolist()


@contextmanager
def _steady(model: Module) -> Iterator[None]:
    """Eval mode inside, with gradients; the mode it had before afterwards."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
