"""What the base predicts for each token of a text, stored small enough to keep for every run.

Of the distribution p over the vocabulary are kept, for each token: the k most likely entries, the
probability P of all others together, and m of these others, drawn with their own probabilities
p / P. With q the distribution of a tuned model,

    KL(p ‖ q) ≈ Σ_top p log(p / q) + P · mean over the m drawn of log(p / q)

The first sum is exact and the second an unbiased estimate of the others' share, so that the mean
over many tokens is the exact KL but for a small random error. Without the second, only a lower
bound is left: 6 to 15 % too low on the demo model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

TOP_TOKENS = 64
"""Most likely tokens of the base that are kept per position."""

DRAWN_TOKENS = 32
"""Tokens drawn from all others per position."""

_CHUNK = 256
"""Positions whose whole distribution is in memory at a time."""


class BasePredictions(NamedTuple):
    """Predictions of the base for each labelled token of a text.

    Attributes:
        ids: The most likely tokens, and those drawn from all others, ``[tokens, k + m]``.
        log_probs: Their log-probabilities, ``[tokens, k + m]``.
        weights: What each counts in the KL, ``[tokens, k + m]``: p of a likely token, P / m of a
            drawn one.
        nll: Negative log-likelihood of the label, nats, ``[tokens]``.
    """

    ids: Tensor
    log_probs: Tensor
    weights: Tensor
    nll: Tensor

    @classmethod
    def of(cls, logits: Tensor, targets: Tensor, generator: torch.Generator) -> BasePredictions:
        """Reduce ``logits [tokens, vocabulary]``; ``targets [tokens]`` are the labels."""
        chunks = zip(torch.split(logits, _CHUNK), torch.split(targets, _CHUNK), strict=True)
        return cls.join([_reduce(part.float(), labels, generator) for part, labels in chunks])

    @classmethod
    def join(cls, parts: list[BasePredictions]) -> BasePredictions:
        """Put the predictions of consecutive tokens together."""
        return cls(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))

    @classmethod
    def at(
        cls, stored: Mapping[str, Tensor], tokens: slice, device: torch.device
    ) -> BasePredictions:
        """A part of stored predictions, on ``device``."""
        return cls(*(stored[name][tokens].to(device) for name in cls._fields))

    def kl(self, logits: Tensor) -> Tensor:
        """KL(base ‖ model) of each token, nats ``[tokens]``, from the model's ``logits``.

        Single tokens may be slightly below zero, see the module.
        """
        return (self.weights * (self.log_probs - _log_probs(logits, self.ids.long()))).sum(-1)


def _log_probs(logits: Tensor, ids: Tensor) -> Tensor:
    """Log-probabilities of the tokens ``ids [tokens, n]``; the same bits for the same logits."""
    logits = logits.float()
    return logits.gather(-1, ids) - logits.logsumexp(-1, keepdim=True)


def _reduce(logits: Tensor, targets: Tensor, generator: torch.Generator) -> BasePredictions:
    # 1. The k most likely tokens; at least one is left over.
    top = logits.topk(min(TOP_TOKENS, logits.shape[-1] - 1), dim=-1).indices
    # 2. Draw from the others. Relative to the largest of them, none is rounded to zero; a broken
    #    base may predict NaN, which its loss shows.
    others = logits.scatter(-1, top, -torch.inf)
    relative = (others - others.amax(-1, keepdim=True)).exp().nan_to_num(nan=1.0)
    drawn = torch.multinomial(relative, DRAWN_TOKENS, replacement=True, generator=generator)
    # 3. Both together, each with its weight.
    ids = torch.cat([top, drawn], -1)
    log_probs = _log_probs(logits, ids)
    tail = (others.logsumexp(-1) - logits.logsumexp(-1)).exp()
    share = (tail / DRAWN_TOKENS)[:, None].expand(-1, DRAWN_TOKENS)
    return BasePredictions(
        ids=ids.int(),
        log_probs=log_probs,
        weights=torch.cat([log_probs[:, : top.shape[-1]].exp(), share], -1),
        nll=functional.cross_entropy(logits, targets, reduction="none"),
    )
