"""Batched generation, the same before and after training."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from workbench.data.thinking import begins_thought, ends_thought
from workbench.models.eval_mode import eval_mode
from workbench.models.loaded_base import context_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor
    from torch.nn import Module
    from transformers import LogitsProcessorList, PreTrainedTokenizerBase, StoppingCriteriaList

    BatchProgress = Callable[[int, int], None]
    """Called with how many prompts are done, and of how many."""

GENERATION_BATCH = 16
"""Prompts in one batch."""

_STOP_TOKENS = 2
"""Most tokens in which the stop text is looked for: a token may hold it whole, or half of it."""


def no_progress(done: int, total: int) -> None:
    """Report to nobody."""
    del done, total


@dataclass(frozen=True)
class GenerationRequest:
    """A prompt to be answered.

    Attributes:
        prompt: Token ids.
        max_new_tokens: Longest answer.
        seed: Sample the answer at temperature 1 with this seed; None for a greedy answer.
    """

    prompt: Sequence[int]
    max_new_tokens: int
    seed: int | None = None


@dataclass(frozen=True)
class Ending:
    """Where answers begin and end, beside the model's own end of a turn.

    Attributes:
        stop: Text at which an answer ends; a row may stop there early, and :meth:`cut` cuts it off.
        thought_tokens: Tokens for a thought in front of each answer. It is stripped, also where it
            is not finished; an answer is as long as without one.
    """

    stop: str = ""
    thought_tokens: int = 0

    def cut(self, text: str) -> str:
        """An answer without what follows it, and without white space around it."""
        text = text.strip()
        return text.partition(self.stop)[0].strip() if self.stop else text


_AT_EOS = Ending()


def greedy_answers(
    model: Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    batch_size: int = GENERATION_BATCH,
    report: BatchProgress = no_progress,
    ending: Ending = _AT_EOS,
) -> list[str]:
    """Answer tokenised prompts greedily, as text without special tokens; see :func:`generate`."""
    answers = greedy_tokens(
        model,
        tokenizer,
        prompts,
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
        report=report,
        ending=ending,
    )
    texts = (str(tokenizer.decode(row, skip_special_tokens=True)) for row in answers)
    return [ending.cut(text) for text in texts]


def greedy_tokens(
    model: Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    batch_size: int = GENERATION_BATCH,
    report: BatchProgress = no_progress,
    ending: Ending = _AT_EOS,
) -> list[list[int]]:
    """Answer tokenised prompts greedily, as token ids; see :func:`generate`."""
    requests = [GenerationRequest(prompt, max_new_tokens) for prompt in prompts]
    return generate(
        model,
        tokenizer,
        requests,
        batch_size=batch_size,
        report=report,
        ending=ending,
    )


def generate(
    model: Module,
    tokenizer: PreTrainedTokenizerBase,
    requests: Sequence[GenerationRequest],
    *,
    batch_size: int = GENERATION_BATCH,
    report: BatchProgress = no_progress,
    ending: Ending = _AT_EOS,
) -> list[list[int]]:
    """Answer each request, up to and including the token that ends its answer.

    Requests with the same ``max_new_tokens`` are batched by prompt length and padded on the left;
    answers come back in the order of the requests, and no sample depends on what else is asked.
    The model's mode and the random state are left as they were.

    Args:
        model: A causal language model, with or without adapters.
        tokenizer: The model's tokenizer.
        requests: In any order.
        batch_size: Prompts in one batch.
        report: Called with how many prompts are done, and of how many.
        ending: Where answers begin and end.
    """
    answers: list[list[int]] = [[]] * len(requests)
    done = 0
    sizes = [(request.max_new_tokens, len(request.prompt)) for request in requests]
    with eval_mode(model):
        for indices in _batches(sizes, batch_size, same_length=uses_prompt_learning(model)):
            batch = [requests[index] for index in indices]
            batch_answers = _generate_batch(model, tokenizer, batch, ending)
            for index, tokens in zip(indices, batch_answers, strict=True):
                answers[index] = tokens
            done += len(indices)
            report(done, len(requests))
    return answers


def uses_prompt_learning(model: Module) -> bool:
    """Whether virtual tokens come before the prompt: PEFT lets padding between them show."""
    from peft import PeftModel

    return isinstance(model, PeftModel) and bool(model.active_peft_config.is_prompt_learning)


def pad(
    rows: Sequence[Sequence[int]],
    pad_token_id: int,
    side: Literal["left", "right"],
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """``input_ids`` and ``attention_mask``, each int64 ``[rows, longest]``."""
    longest = max(len(row) for row in rows)
    ids, mask = [], []
    for row in rows:
        padding = longest - len(row)
        filler, hidden, seen = [pad_token_id] * padding, [0] * padding, [1] * len(row)
        ids.append([*filler, *row] if side == "left" else [*row, *filler])
        mask.append(hidden + seen if side == "left" else seen + hidden)
    shape = len(rows), longest
    return (
        torch.tensor(ids, dtype=torch.long, device=device).reshape(shape),
        torch.tensor(mask, dtype=torch.long, device=device).reshape(shape),
    )


def _batches(
    sizes: Sequence[tuple[int, int]], batch_size: int, *, same_length: bool
) -> Iterator[list[int]]:
    """Indices of requests of equal ``max_new_tokens``, prompts of similar or the same length."""
    compared = 2 if same_length else 1
    batch: list[int] = []
    for index in sorted(range(len(sizes)), key=sizes.__getitem__):
        differs = batch and sizes[batch[-1]][:compared] != sizes[index][:compared]
        if len(batch) == batch_size or differs:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _generate_batch(
    model: Module,
    tokenizer: PreTrainedTokenizerBase,
    requests: Sequence[GenerationRequest],
    ending: Ending,
) -> list[list[int]]:
    device = next(model.parameters()).device
    ids, mask = pad([r.prompt for r in requests], tokenizer.pad_token_id, "left", device)
    longest = requests[0].max_new_tokens
    room = context_length(model) - ids.shape[1] - longest
    thought = int(min(ending.thought_tokens, max(room, 0)))
    generate_tokens: Any = model.generate
    output = generate_tokens(
        input_ids=ids,
        attention_mask=mask,
        max_new_tokens=thought + longest,
        do_sample=False,
        pad_token_id=tokenizer.pad_token_id,
        logits_processor=_sampling([request.seed for request in requests]),
        stopping_criteria=_stopping(tokenizer, ending.stop),
    )
    config: Any = model.generation_config
    eos = config.eos_token_id
    stop_tokens = eos if isinstance(eos, list) else [eos]
    rows = [_until_stop(row, stop_tokens) for row in output[:, ids.shape[1] :].tolist()]
    if ending.thought_tokens:
        rows = [_without_thought(tokenizer, row)[:longest] for row in rows]
    return rows


def _without_thought(tokenizer: PreTrainedTokenizerBase, tokens: list[int]) -> list[int]:
    """The tokens after the thought that an answer begins with; none where it does not end."""
    if not begins_thought(str(tokenizer.decode(tokens))):
        return tokens
    lengths = range(len(tokens) + 1)
    end = bisect_left(lengths, True, key=lambda n: ends_thought(str(tokenizer.decode(tokens[:n]))))
    return tokens[end:]


def _stopping(tokenizer: PreTrainedTokenizerBase, stop: str) -> StoppingCriteriaList:
    """End each row whose last tokens contain ``stop`` after some text.

    Criteria are asked after every token, so the last few tokens are all that is new.
    """
    from transformers import StoppingCriteriaList

    def has_stopped(ids: Tensor, _scores: Any, **_: Any) -> Tensor:
        texts = tokenizer.batch_decode(ids[:, -_STOP_TOKENS:])
        return torch.tensor([stop in text for text in texts], device=ids.device)

    criterion: Any = has_stopped
    return StoppingCriteriaList([criterion] if stop else [])


def _sampling(seeds: Sequence[int | None]) -> LogitsProcessorList:
    """Turn greedy choices into samples for the rows with a seed.

    The argmax of logits plus Gumbel noise is a sample from their softmax (Gumbel-max trick); each
    row has its own noise: -log(E) with E ~ Exponential(1).
    """
    from transformers import LogitsProcessorList

    generators = [
        (row, torch.Generator().manual_seed(seed))
        for row, seed in enumerate(seeds)
        if seed is not None
    ]

    def add_noise(_ids: Tensor, logits: Tensor) -> Tensor:
        noisy = logits.clone()
        for row, generator in generators:
            exponential = torch.empty(logits.shape[-1], dtype=torch.float64)
            noisy[row] -= exponential.exponential_(generator=generator).log().to(logits)
        return noisy

    return LogitsProcessorList([add_noise] if generators else [])


def _until_stop(tokens: list[int], stop_tokens: Sequence[int | None]) -> list[int]:
    """Drop the padding after the first stop token."""
    for length, token in enumerate(tokens, 1):
        if token in stop_tokens:
            return tokens[:length]
    return tokens
