"""How two lanes differ on an answer that one of them gave, token by token."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from workbench.chat.engine.cached_model import CachedModel
from workbench.chat.engine.text_stream import TextStream
from workbench.chat.protocol import TokenScore, TokenScores
from workbench.core.errors import BadInputError, FtwbError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from workbench.chat.engine.decoding import Decoder
    from workbench.chat.engine.lanes import Lane, Lanes
    from workbench.chat.protocol import ScoreTokens

_CHUNK = 64
"""Tokens read at a time: with a vocabulary of 128k, 33 MB of float32 logits a lane."""


def score_tokens(decoder: Decoder, request: ScoreTokens) -> TokenScores:
    """Read an answer in both lanes and compare their predictions before each of its tokens.

    The divergence is KL(base ‖ other) if one of the lanes is the base, whoever answered. Between
    two others it is KL(lane ‖ other), the surprise of ``other`` to be expected at that place.

    Raises:
        BadInputError: A lane is not open, or there are more tokens than the models can read.
        FtwbError: A model gives probabilities that are not finite.
    """
    lanes = decoder.lanes
    prompt = decoder.render(request.conversation)
    length = len(prompt) + len(request.tokens)
    if length > decoder.context:
        raise BadInputError(
            f"conversation and answer have {length:,} tokens, but the model reads at most "
            f"{decoder.context:,}"
        )
    lane, other = lanes.get(request.lane), lanes.get(request.other)
    towards_other = other is not lanes.all[0]
    scores: list[tuple[float, float]] = []
    with lanes.with_strengths(request.strengths):
        readers = LaneReader(lanes, lane, prompt), LaneReader(lanes, other, prompt)
        for start in range(0, len(request.tokens), _CHUNK):
            tokens = request.tokens[start : start + _CHUNK]
            logits, other_logits = (reader.logits_before(tokens) for reader in readers)
            scores += compare(logits, other_logits, tokens, towards_other=towards_other)
    if not all(math.isfinite(value) for pair in scores for value in pair):
        raise FtwbError(
            f"the lanes {lane.name} and {other.name} give probabilities that are not finite: the "
            "weights of one are broken"
        )
    texts = _texts(decoder.tokenizer, request.tokens)
    pieces = tuple(
        TokenScore(text=text, surprise=surprise, divergence=divergence)
        for text, (surprise, divergence) in zip(texts, scores, strict=True)
    )
    return TokenScores(id=request.id, scores=pieces)


class LaneReader:
    """Reads a conversation and then its answer in one lane, with the cache used for decoding."""

    def __init__(self, lanes: Lanes, lane: Lane, prompt: Sequence[int]) -> None:
        """Read the conversation that led to the answer."""
        lanes.apply_strength(lane)
        self._lanes = lanes
        self._lane = lane
        self._model = CachedModel(lane.model)
        self._next = self._read(prompt, last_only=True)

    def logits_before(self, tokens: Sequence[int]) -> Tensor:
        """Read the next tokens; the logits before each, float32 ``[tokens, vocabulary]``."""
        after = self._read(tokens, last_only=False)
        before = torch.cat([self._next, after[:-1]])
        self._next = after[-1:]
        return before

    def _read(self, tokens: Sequence[int], *, last_only: bool) -> Tensor:
        ids = torch.tensor([tokens], device=self._lanes.device)
        with self._lanes.multi_adapter.assign_rows([self._lane.name], self._lanes.strengths):
            return self._model.read(ids, last_only=last_only)[0]


def compare(
    logits: Tensor, other_logits: Tensor, tokens: Sequence[int], *, towards_other: bool
) -> list[tuple[float, float]]:
    """Surprise and divergence before each token, in nats.

    With p and q the predictions of the lane and of the other, the surprise is
    log p(token) - log q(token), and the divergence KL(p ‖ q) = Σ p·(log p - log q).

    Args:
        logits: Of the lane that answered, float32 ``[tokens, vocabulary]``.
        other_logits: Of the other lane.
        tokens: The answer.
        towards_other: False for KL(q ‖ p) instead of KL(p ‖ q).
    """
    log_p, log_q = logits.log_softmax(dim=-1), other_logits.log_softmax(dim=-1)
    index = torch.tensor(tokens, device=log_p.device)[:, None]
    surprise = (log_p.gather(1, index) - log_q.gather(1, index))[:, 0]
    if not towards_other:
        log_p, log_q = log_q, log_p
    divergence = (log_p.exp() * (log_p - log_q)).sum(dim=-1).clamp(min=0)
    return list(zip(surprise.tolist(), divergence.tolist(), strict=True))


def _texts(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[int]) -> list[str]:
    """The text that each token adds; the last one also gets an incomplete character at the end."""
    stream = TextStream(tokenizer)
    texts = [stream.push(token) for token in tokens]
    if texts:
        texts[-1] += stream.text()[len("".join(texts)) :]
    return texts
