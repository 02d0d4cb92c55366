"""How likely a model finds each option as the answer to a prompt."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch

from workbench.evaluation.run.generation import (
    GENERATION_BATCH,
    no_progress,
    pad,
    uses_prompt_learning,
)
from workbench.evaluation.suites.scorer import Likelihood
from workbench.models.eval_mode import eval_mode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor
    from torch.nn import Module
    from transformers import DynamicCache, PreTrainedTokenizerBase

    from workbench.evaluation.run.generation import BatchProgress

_MAX_TOKENS = 8192
"""Tokens in one batch, counting every option with its prompt, padding included.

This bounds the key-value cache of the prompts (128 KiB a token in a model of 8 billion parameters)
and the logits of long options.
"""


@dataclass(frozen=True)
class MultipleChoice:
    """A prompt and its options as token ids; no option is empty."""

    prompt: Sequence[int]
    options: Sequence[Sequence[int]]


def option_likelihoods(
    model: Module,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[MultipleChoice],
    *,
    batch_size: int = GENERATION_BATCH,
    report: BatchProgress = no_progress,
) -> list[list[Likelihood]]:
    """Log-likelihood of each option of each question, in their order.

    Each prompt goes through the model once and its key-value cache is shared by its options. Where
    that is impossible (virtual tokens, other kinds of cache) every option is read after its whole
    prompt; both give the same numbers. Logits are computed for options only. The model's mode and
    the random state are left as they were.

    Args:
        model: A causal language model, with or without adapters.
        tokenizer: The model's tokenizer.
        questions: In any order.
        batch_size: Questions in one batch; fewer if they are long.
        report: Called with how many questions are done, and of how many.
    """
    score_batch = _score_from_cache if _can_share_cache(model) else _score_whole_sequences
    results: list[list[Likelihood]] = [[]] * len(questions)
    order = sorted(range(len(questions)), key=lambda index: len(questions[index].prompt))
    done = 0
    with eval_mode(model):
        for indices in _batches(questions, order, batch_size):
            batch = [questions[index] for index in indices]
            log_probs = iter(score_batch(model, tokenizer.pad_token_id, batch))
            for index, question in zip(indices, batch, strict=True):
                results[index] = [Likelihood(next(log_probs), len(o)) for o in question.options]
            done += len(indices)
            report(done, len(questions))
    return results


def _batches(
    questions: Sequence[MultipleChoice], order: Sequence[int], batch_size: int
) -> Iterator[list[int]]:
    """Indices in batches of at most ``batch_size`` questions and :data:`_MAX_TOKENS` tokens."""
    batch: list[int] = []
    for index in order:
        candidate = [questions[other] for other in (*batch, index)]
        if batch and (len(batch) == batch_size or _padded_tokens(candidate) > _MAX_TOKENS):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _padded_tokens(questions: Sequence[MultipleChoice]) -> int:
    """Tokens of all options, each with its prompt, when all are padded to the longest."""
    longest = max(len(question.prompt) for question in questions)
    longest += max(len(option) for question in questions for option in question.options)
    return longest * sum(len(question.options) for question in questions)


def _can_share_cache(model: Module) -> bool:
    """Whether the key-value cache of a prompt can be handed to each of its options."""
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    accepts_positions = "position_ids" in inspect.signature(_unwrapped(model).forward).parameters
    if uses_prompt_learning(model) or not accepts_positions:
        return False
    layers = _empty_cache(model).layers
    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)


def _unwrapped(model: Module) -> Module:
    from peft import PeftModel

    return model.get_base_model() if isinstance(model, PeftModel) else model


def _empty_cache(model: Module) -> DynamicCache:
    from transformers import DynamicCache

    config: Any = model.config
    return DynamicCache(config=config)


def _score_from_cache(
    model: Module, pad_token_id: int, questions: Sequence[MultipleChoice]
) -> list[float]:
    """Log-probabilities of all options, read after the cached prompts."""
    device = next(model.parameters()).device
    # 1. Read the prompts, padded on the left; the last position predicts an option's first token.
    prompt_ids, prompt_mask = pad([q.prompt for q in questions], pad_token_id, "left", device)
    cache = _empty_cache(model)
    first_logits = model(
        input_ids=prompt_ids,
        attention_mask=prompt_mask,
        position_ids=(prompt_mask.cumsum(1) - 1).clamp(min=0),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits
    # 2. Repeat mask and logits for each option of a prompt.
    options = [option for question in questions for option in question.options]
    prompt_rows = [row for row, question in enumerate(questions) for _ in question.options]
    rows = torch.tensor(prompt_rows, device=device)
    logits = first_logits[rows]
    # 3. Read all options but for their last tokens, which predict nothing.
    ids, mask = pad([option[:-1] for option in options], pad_token_id, "right", device)
    if ids.shape[1]:
        cache.batch_select_indices(rows)
        positions = prompt_mask.sum(1)[rows, None] + torch.arange(ids.shape[1], device=device)
        option_logits = model(
            input_ids=ids,
            attention_mask=torch.cat([prompt_mask[rows], mask], dim=1),
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        ).logits
        logits = torch.cat([logits, option_logits], dim=1)
    return _summed_log_probs(logits, options)


def _score_whole_sequences(
    model: Module, pad_token_id: int, questions: Sequence[MultipleChoice]
) -> list[float]:
    """Log-probabilities of all options, each read after its whole prompt."""
    device = next(model.parameters()).device
    # 1. Read prompt and option in one sequence, padded on the right.
    pairs = [(question.prompt, option) for question in questions for option in question.options]
    sequences = [[*prompt, *option[:-1]] for prompt, option in pairs]
    ids, mask = pad(sequences, pad_token_id, "right", device)
    kept = ids.shape[1] - min(len(prompt) for prompt, _ in pairs) + 1
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False, logits_to_keep=kept).logits
    # 2. Gather the logits that predict the options, aligned at each option's first token.
    starts = [len(prompt) - 1 - ids.shape[1] for prompt, _ in pairs]
    longest = max(len(option) for _, option in pairs)
    steps = torch.tensor(starts, device=device)[:, None] + torch.arange(longest, device=device)
    aligned = logits[torch.arange(len(pairs), device=device)[:, None], steps.clamp(max=-1)]
    return _summed_log_probs(aligned, [option for _, option in pairs])


def _summed_log_probs(logits: Tensor, options: Sequence[Sequence[int]]) -> list[float]:
    """Log-probability of each option: the sum over its tokens t of log p(t), in nats.

    Args:
        logits: ``[options, longest, vocabulary]``; ``[:, i]`` predicts token i of an option.
        options: Token ids.
    """
    device = logits.device
    rows = torch.tensor([row for row, option in enumerate(options) for _ in option], device=device)
    steps = torch.cat([torch.arange(len(option), device=device) for option in options])
    targets = torch.tensor([*chain.from_iterable(options)], device=device)
    predicted = logits[rows, steps].float()
    log_probs = predicted.gather(1, targets[:, None])[:, 0] - predicted.logsumexp(1)
    sums = torch.zeros(len(options), dtype=torch.float64, device=device)
    return sums.index_add(0, rows, log_probs.double()).tolist()
