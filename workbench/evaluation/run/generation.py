"""Batched generation, the same before and after training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from workbench.models.eval_mode import eval_mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor
    from torch.nn import Module
    from transformers import LogitsProcessorList, PreTrainedTokenizerBase

    BatchProgress = Callable[[int, int], None]
    """Called with how many prompts are done, and of how many."""

GENERATION_BATCH = 16
"""Prompts in one batch."""


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


def greedy_answers(
    model: Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    batch_size: int = GENERATION_BATCH,
    report: BatchProgress = no_progress,
) -> list[str]:
    """Answer tokenised prompts greedily, as text without special tokens; see :func:`generate`."""
    answers = greedy_tokens(
        model,
        tokenizer,
        prompts,
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
        report=report,
    )
    return [str(tokenizer.decode(row, skip_special_tokens=True)).strip() for row in answers]


def greedy_tokens(
    model: Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    batch_size: int = GENERATION_BATCH,
    report: BatchProgress = no_progress,
) -> list[list[int]]:
    """Answer tokenised prompts greedily, as token ids; see :func:`generate`."""
    requests = [GenerationRequest(prompt, max_new_tokens) for prompt in prompts]
    return generate(model, tokenizer, requests, batch_size=batch_size, report=report)


def generate(
    model: Module,
    tokenizer: PreTrainedTokenizerBase,
    requests: Sequence[GenerationRequest],
    *,
    batch_size: int = GENERATION_BATCH,
    report: BatchProgress = no_progress,
) -> list[list[int]]:
    """Answer each request, up to and including the token that ends its answer.

    Requests with the same ``max_new_tokens`` are batched by prompt length and padded on the left;
    answers come back in the order of the requests, and no sample depends on what else is asked.
    The model's mode and the random state are left as they were.
    """
    answers: list[list[int]] = [[]] * len(requests)
    done = 0
    sizes = [(request.max_new_tokens, len(request.prompt)) for request in requests]
    with eval_mode(model):
        for indices in _batches(sizes, batch_size, same_length=uses_prompt_learning(model)):
            batch = [requests[index] for index in indices]
            batch_answers = _generate_batch(model, tokenizer, batch)
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
    model: Module, tokenizer: PreTrainedTokenizerBase, requests: Sequence[GenerationRequest]
) -> list[list[int]]:
    device = next(model.parameters()).device
    prompts = [request.prompt for request in requests]
    ids, mask = pad(prompts, tokenizer.pad_token_id, "left", device)
    generate_tokens: Any = model.generate
    output = generate_tokens(
        input_ids=ids,
        attention_mask=mask,
        max_new_tokens=requests[0].max_new_tokens,
        do_sample=False,
        pad_token_id=tokenizer.pad_token_id,
        logits_processor=_sampling([request.seed for request in requests]),
    )
    config: Any = model.generation_config
    eos = config.eos_token_id
    stop_tokens = eos if isinstance(eos, list) else [eos]
    return [_until_stop(row, stop_tokens) for row in output[:, ids.shape[1] :].tolist()]


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
