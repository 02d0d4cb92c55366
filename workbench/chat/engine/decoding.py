"""Answering in several lanes at once, token by token, so that all of them stream together."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)

from workbench.chat.engine.cached_model import CachedModel, pad_left
from workbench.chat.engine.text_stream import TextStream
from workbench.chat.protocol import Delta, Done, Finish, Finished, Generate, Sampling
from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from workbench.chat.engine.lanes import Lane, Lanes
    from workbench.chat.protocol import Turn


@dataclass(frozen=True)
class Decoder:
    """Answers requests in the open lanes.

    Attributes:
        render: Turns a conversation into token ids, up to the start of the assistant's turn.
        context: Most tokens the models can attend to.
        stops: Token ids that end an answer.
    """

    lanes: Lanes
    tokenizer: PreTrainedTokenizerBase
    render: Callable[[Sequence[Turn]], list[int]]
    context: int
    stops: frozenset[int] = field(default_factory=frozenset)

    def answer(
        self, request: Generate, cancelled: Callable[[], bool]
    ) -> Iterator[Delta | Done | Finished]:
        """Stream the answers of all lanes, one token of each at a time, until all are complete.

        Raises:
            BadInputError: A conversation leaves no room for an answer, or a lane is not open or
                cannot be scaled.
        """
        # 1. Render each lane's conversation: its prompt is the start of a row.
        unfinished = {
            answer.row: answer
            for answer in (self._start(name, request) for name in request.conversations)
        }
        with self.lanes.with_strengths(request.strengths):
            # 2. Rows that run on the base's model share a batch, all others have their own.
            batches = make_batches(self.lanes, list(unfinished))
            while unfinished and not cancelled():
                for batch in batches:
                    # 3. One forward pass; rows that have finished leave the batch before it.
                    for row, logits in batch.step(unfinished):
                        answer = unfinished[row]
                        # 4. Sample the next token, and stream the text that it completes.
                        if text := answer.add_token(logits, self.stops):
                            yield Delta(id=request.id, lane=answer.lane, text=text)
                        # 5. An answer ends at a stop token or its length limit.
                        if answer.finish:
                            yield unfinished.pop(row).done(request.id)
        for answer in unfinished.values():
            yield answer.done(request.id)
        yield Finished(id=request.id)

    def _start(self, name: str, request: Generate) -> Answer:
        lane = self.lanes.get(name)
        ids = self.render(request.conversations[name])
        room = self.context - len(ids)
        if room < 1:
            raise BadInputError(
                f"the {name} conversation has {len(ids):,} tokens, but the model reads at most "
                f"{self.context:,}; clear the chat or ask something shorter"
            )
        return Answer(
            row=Row(lane, torch.tensor([ids], device=self.lanes.device)),
            stream=TextStream(self.tokenizer),
            max_tokens=min(room, request.max_tokens),
            at_max_tokens="length" if request.max_tokens <= room else "context",
            sample=token_sampler(self.lanes.base, request.sampling),
            started=time.monotonic(),
        )


@dataclass(eq=False)
class Row:
    """One conversation that is being answered.

    Attributes:
        tokens: All tokens, of the prompt and of the answer so far, ``[1, length]``.
    """

    lane: Lane
    tokens: Tensor


class RowBatch:
    """Rows that share forward passes and a KV cache; rows of one lane are neighbours.

    Attributes:
        rows: Those still in the batch, in its order.
    """

    def __init__(self, lanes: Lanes, rows: Sequence[Row]) -> None:
        """Start with ``rows``, which run on the same model; nothing has been read yet."""
        self.rows = list(rows)
        self.model = CachedModel(rows[0].lane.model)
        self._lanes = lanes
        for row in rows:
            lanes.apply_strength(row.lane)

    def step(self, unfinished: Collection[Row]) -> list[tuple[Row, Tensor]]:
        """Read the whole of each row in the first step, and its last token in every other.

        Rows that are not in ``unfinished`` leave the batch first, with their keys and values.

        Returns:
            Each row with the logits of its next token, float32 ``[1, vocabulary]``.
        """
        kept = [index for index, row in enumerate(self.rows) if row in unfinished]
        is_first = self.model.cache is None
        if kept and len(kept) < len(self.rows) and not is_first:
            self.model.keep_rows(kept)
        self.rows = [self.rows[index] for index in kept]
        if not self.rows:
            return []
        if is_first:
            ids, mask = pad_left([row.tokens[0] for row in self.rows])
        else:
            ids, mask = torch.cat([row.tokens[:, -1:] for row in self.rows]), None
        lane_names = [row.lane.name for row in self.rows]
        with self._lanes.multi_adapter.assign_rows(lane_names, self._lanes.strengths):
            logits = self.model.read(ids, mask)
        return list(zip(self.rows, logits, strict=True))


def make_batches(lanes: Lanes, rows: Sequence[Row]) -> list[RowBatch]:
    """Group rows by the model they run on; rows on the base share a batch if they can."""
    on_base = [row for row in rows if row.lane.runs_on_base]
    groups = [on_base] if lanes.shares_batch else [[row] for row in on_base]
    groups += [[row] for row in rows if not row.lane.runs_on_base]
    return [RowBatch(lanes, group) for group in groups if group]


@dataclass
class Answer:
    """The answer of one lane, as far as it has been decoded.

    Attributes:
        max_tokens: Its length limit.
        at_max_tokens: Why it ends there.
        finish: Why it ended; None while it has not.
    """

    row: Row
    stream: TextStream
    max_tokens: int
    at_max_tokens: Finish
    sample: TokenSampler
    started: float
    first_token: float = 0.0
    finish: Finish | None = None

    @property
    def lane(self) -> str:
        """The name of its lane."""
        return self.row.lane.name

    def add_token(self, logits: Tensor, stops: frozenset[int]) -> str:
        """Sample the next token from ``logits [1, vocabulary]``; the text that it completes."""
        tokens = self.row.tokens
        token = self.sample(tokens, logits)
        self.row.tokens = torch.cat([tokens, tokens.new_tensor([[token]])], dim=1)
        self.first_token = self.first_token or time.monotonic()
        text = self.stream.push(token)
        if token in stops:
            self.finish = "stop"
        elif len(self.stream.tokens) >= self.max_tokens:
            self.finish = self.at_max_tokens
        return text

    def done(self, request: int) -> Done:
        """The message that completes the answer."""
        now = time.monotonic()
        return Done(
            id=request,
            lane=self.lane,
            text=self.stream.text(),
            token_ids=tuple(self.stream.tokens),
            seconds=now - self.started,
            first_token_seconds=(self.first_token or now) - self.started,
            finish=self.finish or "cancelled",
        )


@dataclass(frozen=True)
class TokenSampler:
    """Chooses the next token: the most likely one, or a draw from the processed distribution.

    Attributes:
        processors: Repetition penalty, temperature and top-p.
        generator: Random numbers to draw with; None for greedy decoding.
    """

    processors: LogitsProcessorList
    generator: torch.Generator | None

    def __call__(self, tokens: Tensor, logits: Tensor) -> int:
        """Choose from ``logits [1, vocabulary]`` after ``tokens [1, length]``."""
        scores = self.processors(tokens, logits)  # type: ignore[arg-type]
        if self.generator is None:
            return int(scores.argmax(dim=-1))
        return int(torch.multinomial(scores.softmax(dim=-1), 1, generator=self.generator))


def token_sampler(base: PreTrainedModel, sampling: Sampling) -> TokenSampler:
    """The sampler of one lane, with the repetition penalty of the model's generation config."""
    processors = LogitsProcessorList()
    config = base.generation_config
    penalty = config.repetition_penalty if config else None
    if penalty not in (None, 1.0):
        processors.append(RepetitionPenaltyLogitsProcessor(penalty))
    if sampling.temperature == 0:
        return TokenSampler(processors, None)
    processors.append(TemperatureLogitsWarper(sampling.temperature))
    if sampling.top_p < 1:
        processors.append(TopPLogitsWarper(sampling.top_p))
    return TokenSampler(processors, torch.Generator(base.device).manual_seed(sampling.seed))


def stop_tokens(
    base: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, end_of_turn: str = ""
) -> frozenset[int]:
    """Token ids that end an answer: the model's, the tokenizer's and the chat template's.

    Args:
        base: The model.
        tokenizer: Its tokenizer.
        end_of_turn: What else the recipe has answers end with, if that is one token.
    """
    configured = base.generation_config.eos_token_id if base.generation_config else None
    ids = {configured} if isinstance(configured, int) else set(configured or ())
    ids |= {tokenizer.eos_token_id, _end_of_turn(tokenizer)}
    ends = tokenizer(end_of_turn, add_special_tokens=False).input_ids
    ids |= set(ends if len(ends) == 1 else ())
    return frozenset(token for token in ids if token is not None)


_ANSWER = "zyzzyva"
"""A message that no chat template contains."""


def _end_of_turn(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The special token that the chat template puts after an assistant's message, if any."""
    if tokenizer.chat_template is None:
        return None
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": _ANSWER}]
    after = str(tokenizer.apply_chat_template(turns, tokenize=False)).rpartition(_ANSWER)[2]
    ids = tokenizer(after, add_special_tokens=False).input_ids
    added = tokenizer.added_tokens_decoder
    return next((token for token in ids if token in added and added[token].special), None)
