"""Answering in several lanes at once, token by token, so that all of them stream together."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.chat.engine.lanes import Lanes, Row
from workbench.chat.engine.streaming import TextStream
from workbench.chat.protocol import Delta, Done, Finish, Finished, Generate, Sampling
from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch
    from torch import Tensor
    from transformers import LogitsProcessorList, PreTrainedModel, PreTrainedTokenizerBase

    from workbench.chat.protocol import Turn


_SAID = "zyzzyva"
"""A message that no chat template contains by itself."""


@dataclass
class Answer:
    """One lane's answer in the making."""

    row: Row
    stream: TextStream
    room: int
    limit: Finish
    pick: Picker
    started: float
    first: float = 0.0
    finish: Finish | None = None

    @property
    def lane(self) -> str:
        """The name of its lane."""
        return self.row.lane.name

    def take(self, logits: Tensor, stops: frozenset[int]) -> str:
        """Pick the next token, note whether it is the last, and return the text it completes."""
        import torch

        token = self.pick(self.row.seen, logits)
        text = self.stream.push(token)
        self.row.seen = torch.cat([self.row.seen, self.row.seen.new_tensor([[token]])], dim=1)
        self.row.unread += 1
        self.first = self.first or time.monotonic()
        if token in stops:
            self.finish = "stop"
        elif len(self.stream.tokens) >= self.room:
            self.finish = self.limit
        return text

    def done(self, request: int) -> Done:
        """Sum up."""
        now = time.monotonic()
        return Done(
            id=request,
            lane=self.lane,
            text=self.stream.text(),
            token_ids=tuple(self.stream.tokens),
            seconds=now - self.started,
            first_token_seconds=(self.first or now) - self.started,
            finish=self.finish or "cancelled",
        )


@dataclass(frozen=True)
class Picker:
    """Chooses the next token: the most likely one, or a draw from the warped distribution."""

    processors: LogitsProcessorList
    draws: torch.Generator | None

    def __call__(self, seen: Tensor, logits: Tensor) -> int:
        """Pick from ``logits [1, vocabulary]`` after ``seen [1, length]``."""
        import torch

        scores = self.processors(seen, logits)  # type: ignore[arg-type]
        if self.draws is None:
            return int(scores.argmax(dim=-1))
        return int(torch.multinomial(scores.softmax(dim=-1), 1, generator=self.draws))


@dataclass(frozen=True)
class Decoder:
    """Answers requests in the open lanes.

    Attributes:
        render: Turns a conversation into token ids, with the opening of the assistant's turn.
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
        """Stream the answers of all lanes, a token of each at a time, until all are complete.

        Raises:
            BadInputError: A conversation leaves no room for an answer, or a lane is not open or
                has no strength.
        """
        answers = [self._begin(name, request) for name in request.conversations]
        live = {answer.row: answer for answer in answers}
        with self.lanes.at(request.strengths):
            stepping = self.lanes.stepping(list(live))
            while live and not cancelled():
                for row, logits in stepping.step(list(live)):
                    answer = live[row]
                    if text := answer.take(logits, self.stops):
                        yield Delta(id=request.id, lane=answer.lane, text=text)
                    if answer.finish:
                        yield answer.done(request.id)
                live = {row: answer for row, answer in live.items() if not answer.finish}
        for answer in live.values():
            yield answer.done(request.id)
        yield Finished(id=request.id)

    def _begin(self, name: str, request: Generate) -> Answer:
        import torch

        lane = self.lanes.named(name)
        ids = self.render(request.conversations[name])
        room = self.context - len(ids)
        if room < 1:
            raise BadInputError(
                f"the {name} conversation has {len(ids):,} tokens and the model reads at most "
                f"{self.context:,}: clear the chat or ask something shorter"
            )
        return Answer(
            row=Row(lane, torch.tensor([ids], device=self.lanes.device), unread=len(ids)),
            stream=TextStream(self.tokenizer),
            room=min(room, request.max_tokens),
            limit="length" if request.max_tokens <= room else "context",
            pick=picker(self.lanes.base, request.sampling),
            started=time.monotonic(),
        )


def picker(base: PreTrainedModel, sampling: Sampling) -> Picker:
    """Set up how a lane picks tokens, with the repetition penalty that the model ships with."""
    import torch
    from transformers import (
        LogitsProcessorList,
        RepetitionPenaltyLogitsProcessor,
        TemperatureLogitsWarper,
        TopPLogitsWarper,
    )

    processors = LogitsProcessorList()
    config = base.generation_config
    penalty = config.repetition_penalty if config else None
    if penalty not in (None, 1.0):
        processors.append(RepetitionPenaltyLogitsProcessor(penalty))
    if sampling.temperature == 0:
        return Picker(processors, None)
    processors.append(TemperatureLogitsWarper(sampling.temperature))
    if sampling.top_p < 1:
        processors.append(TopPLogitsWarper(sampling.top_p))
    return Picker(processors, torch.Generator(base.device).manual_seed(sampling.seed))


def stop_tokens(base: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Token ids that end an answer: the model's, the tokenizer's and the chat template's."""
    configured = base.generation_config.eos_token_id if base.generation_config else None
    ids = {configured} if isinstance(configured, int) else set(configured or ())
    ids |= {tokenizer.eos_token_id, _end_of_turn(tokenizer)}
    return frozenset(token for token in ids if token is not None)


def _end_of_turn(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The special token that the chat template writes after an assistant's message, if it does."""
    if tokenizer.chat_template is None:
        return None
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": _SAID}]
    after = str(tokenizer.apply_chat_template(turns, tokenize=False)).rpartition(_SAID)[2]
    ids = tokenizer(after, add_special_tokens=False).input_ids
    added = tokenizer.added_tokens_decoder
    return next((token for token in ids if token in added and added[token].special), None)
