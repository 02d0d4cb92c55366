"""How another lane sees an answer: surprise at each of its tokens, and where the lanes part."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from workbench.chat.engine.streaming import TextStream
from workbench.chat.protocol import TokenScore, TokenScores
from workbench.core.errors import BadInputError, FtwbError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from workbench.chat.engine.decoding import Decoder
    from workbench.chat.engine.lanes import Lane, Lanes
    from workbench.chat.protocol import ScoreTokens

    Read = Callable[[Tensor, Tensor, Any], tuple[Tensor, Any]]

_CHUNK = 64
"""Tokens read at a time: with 128k in the vocabulary, 33 MB of float32 logits a lane."""


def weigh(decoder: Decoder, request: ScoreTokens) -> TokenScores:
    """Read an answer in both lanes and compare what they expect before each of its tokens.

    The divergence is KL(base ‖ other) where one of the lanes is the base, whoever answered. Between
    two others it is KL(lane ‖ other): the surprise of ``other`` that is to be expected there.

    Raises:
        BadInputError: A lane is not open, or there are more tokens than the models can read.
        FtwbError: A model gives no finite probabilities.
    """
    lanes = decoder.lanes
    prompt = decoder.render(request.conversation)
    if len(prompt) + len(request.tokens) > decoder.context:
        raise BadInputError(
            f"conversation and answer have {len(prompt) + len(request.tokens):,} tokens and the "
            f"model reads at most {decoder.context:,}"
        )
    lane, other = lanes.named(request.lane), lanes.named(request.other)
    towards_other = request.other != lanes.every[0].name
    values: list[tuple[float, float]] = []
    with lanes.at(request.strengths):
        readings = Reading(lanes, lane, prompt), Reading(lanes, other, prompt)
        for tokens in _chunks(request.tokens):
            ours, theirs = (reading.before(tokens) for reading in readings)
            values += compare(ours, theirs, tokens, towards_other=towards_other)
    if not all(math.isfinite(value) for pair in values for value in pair):
        raise FtwbError("these lanes give no finite probabilities: the weights of one are broken")
    texts = _texts(decoder.tokenizer, request.tokens)
    scores = tuple(
        TokenScore(text=t, surprise=s, divergence=d)
        for t, (s, d) in zip(texts, values, strict=True)
    )
    return TokenScores(id=request.id, scores=scores)


class Reading:
    """One lane on its way through an answer, from the cache as when it answers."""

    def __init__(self, lanes: Lanes, lane: Lane, prompt: Sequence[int]) -> None:
        """Read what led to the answer."""
        lanes.settle(lane)
        self._lanes = lanes
        self._lane = lane
        self._cache: Any = None
        self._next = self._read(lane.reads_first, prompt)[:, None]

    def before(self, tokens: Sequence[int]) -> Tensor:
        """Read the answer's next tokens; logits before each, float32 ``[tokens, vocabulary]``."""
        import torch

        after = self._read(self._lane.reads_on.every, tokens)
        logits = torch.cat([self._next, after[:, :-1]], dim=1)
        self._next = after[:, -1:]
        return logits[0]

    def _read(self, forward: Read, tokens: Sequence[int]) -> Tensor:
        import torch

        ids = torch.tensor([tokens], device=self._lanes.device)
        known = 0 if self._cache is None else self._cache.get_seq_length()
        with self._lanes.mixture.rows([self._lane.name], self._lanes.strengths()):
            logits, self._cache = forward(ids, ids.new_ones(1, known + ids.shape[1]), self._cache)
        return logits


def compare(
    ours: Tensor, theirs: Tensor, tokens: Sequence[int], *, towards_other: bool
) -> list[tuple[float, float]]:
    """Surprise and divergence before each token, in nats.

    Args:
        ours: Logits of the lane that answered, float32 ``[tokens, vocabulary]``.
        theirs: Those of the other lane.
        tokens: What was said.
        towards_other: Whether the divergence is that of ``ours`` from ``theirs``, or the reverse.
    """
    import torch

    p, q = ours.log_softmax(dim=-1), theirs.log_softmax(dim=-1)
    said = torch.tensor(tokens, device=p.device)[:, None]
    surprise = (p.gather(1, said) - q.gather(1, said))[:, 0]
    if not towards_other:
        p, q = q, p
    divergence = (p.exp() * (p - q)).sum(dim=-1).clamp(min=0)
    return list(zip(surprise.tolist(), divergence.tolist(), strict=True))


def _chunks(tokens: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(tokens), _CHUNK):
        yield tokens[start : start + _CHUNK]


def _texts(tokenizer: PreTrainedTokenizerBase, tokens: Iterable[int]) -> list[str]:
    """What each token adds; together they are the answer's text, half characters at its end too."""
    stream = TextStream(tokenizer)
    texts = [stream.push(token) for token in tokens]
    if texts:
        texts[-1] += stream.text()[len("".join(texts)) :]
    return texts
