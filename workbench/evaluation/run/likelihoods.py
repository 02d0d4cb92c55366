"""How likely a model finds each option as the answer to a question."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from workbench.evaluation.run.generation import left_padded, padding_shows
from workbench.evaluation.suites.scorer import Likelihood
from workbench.models.eval_mode import eval_mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor
    from torch.nn import Module
    from transformers import DynamicCache, PreTrainedTokenizerBase


_MOST_TOKENS = 8192
"""Tokens in one batch, every option behind its prompt and padding included.

They bound what is kept of the prompts (128 KiB a token in a model of 8 billion parameters) and the
logits of long options.
"""


@dataclass(frozen=True)
class Question:
    """A prompt and what could follow it, in tokens; no option is empty."""

    prompt: Sequence[int]
    options: Sequence[Sequence[int]]


def option_likelihoods(
    model: Module,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[Question],
    *,
    batch_size: int = 16,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[list[Likelihood]]:
    """The likelihood of each option of each question, in their order.

    Several questions go through the model at once, and each prompt goes through it once: its keys
    and values are shared by its options. Where that cannot be (virtual tokens, layers that keep
    something else), every option is read behind its whole prompt. Both give the same numbers, and
    logits are made for options only. The model's mode and the random state are left as they were.

    Args:
        model: A causal language model, with or without adapters.
        tokenizer: The model's.
        questions: In any order.
        batch_size: Questions in one batch; fewer where they are long.
        report: Told how many questions are done, and of how many.
    """
    score = _shared if _keeps_keys_and_values(model) else _whole
    found: list[list[Likelihood]] = [[]] * len(questions)
    order = sorted(range(len(questions)), key=lambda index: len(questions[index].prompt))
    with eval_mode(model):
        done = 0
        for indices in _batches(questions, order, batch_size):
            batch = [questions[index] for index in indices]
            for index, likelihoods in zip(indices, score(model, tokenizer, batch), strict=True):
                found[index] = likelihoods
            done += len(indices)
            report(done, len(questions))
    return found


def _batches(questions: Sequence[Question], order: Sequence[int], size: int) -> Iterator[list[int]]:
    """Indices in batches of at most ``size`` questions and, where one alone is not more, tokens."""
    batch: list[int] = []
    for index in order:
        together = [questions[other] for other in (*batch, index)]
        if batch and (len(batch) == size or _tokens(together) > _MOST_TOKENS):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _tokens(questions: Sequence[Question]) -> int:
    """Tokens of all options, each behind its prompt, when all are padded to the longest."""
    longest = max(len(question.prompt) for question in questions)
    longest += max(len(option) for question in questions for option in question.options)
    return longest * sum(len(question.options) for question in questions)


def _keeps_keys_and_values(model: Module) -> bool:
    """Whether what the model keeps of a prompt can be handed to each of its options."""
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    takes_places = "position_ids" in inspect.signature(_base(model).forward).parameters
    if padding_shows(model) or not takes_places:
        return False
    layers = _empty_cache(model).layers
    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)


def _base(model: Module) -> Module:
    from peft import PeftModel

    return model.get_base_model() if isinstance(model, PeftModel) else model


def _empty_cache(model: Module) -> DynamicCache:
    from transformers import DynamicCache

    config: Any = model.config
    return DynamicCache(config=config)


def _shared(
    model: Module, tokenizer: PreTrainedTokenizerBase, questions: Sequence[Question]
) -> list[list[Likelihood]]:
    """Read the prompts, then all options behind the keys and values of their prompts."""
    import torch

    device = next(model.parameters()).device
    prompts = left_padded([question.prompt for question in questions], tokenizer)
    mask = prompts["attention_mask"].to(device)
    cache = _empty_cache(model)
    first = model(
        input_ids=prompts["input_ids"].to(device),
        attention_mask=mask,
        position_ids=(mask.cumsum(1) - 1).clamp(min=0),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits
    options = [option for question in questions for option in question.options]
    owners = [row for row, question in enumerate(questions) for _ in question.options]
    rows = torch.tensor(owners, device=device)
    logits = first[rows]
    ids, present = _right_padded([option[:-1] for option in options], tokenizer, device)
    if ids.shape[1]:
        cache.batch_select_indices(rows)
        places = mask.sum(1)[rows, None] + torch.arange(ids.shape[1], device=device)
        behind = model(
            input_ids=ids,
            attention_mask=torch.cat([mask[rows], present], dim=1),
            position_ids=places,
            past_key_values=cache,
            use_cache=True,
        ).logits
        logits = torch.cat([logits, behind], dim=1)
    return _grouped(questions, _log_probs(logits, options))


def _whole(
    model: Module, tokenizer: PreTrainedTokenizerBase, questions: Sequence[Question]
) -> list[list[Likelihood]]:
    """Read each option behind its whole prompt."""
    import torch

    device = next(model.parameters()).device
    pairs = [(question.prompt, option) for question in questions for option in question.options]
    rows = [[*prompt, *option[:-1]] for prompt, option in pairs]
    ids, present = _right_padded(rows, tokenizer, device)
    kept = ids.shape[1] - min(len(prompt) for prompt, _ in pairs) + 1
    logits = model(
        input_ids=ids, attention_mask=present, use_cache=False, logits_to_keep=kept
    ).logits
    begins = [len(prompt) - 1 - ids.shape[1] for prompt, _ in pairs]
    longest = max(len(option) for _, option in pairs)
    places = torch.tensor(begins, device=device)[:, None] + torch.arange(longest, device=device)
    chosen = logits[torch.arange(len(pairs), device=device)[:, None], places.clamp(max=-1)]
    return _grouped(questions, _log_probs(chosen, [option for _, option in pairs]))


def _log_probs(logits: Tensor, options: Sequence[Sequence[int]]) -> list[float]:
    """Sum over each option's tokens of their log-probability, in nats.

    Args:
        logits: ``[options, longest, vocabulary]``; place ``t`` predicts token ``t`` of an option.
        options: Token ids.
    """
    import torch

    device = logits.device
    rows = torch.tensor([row for row, option in enumerate(options) for _ in option], device=device)
    places = torch.cat([torch.arange(len(option), device=device) for option in options])
    targets = torch.tensor([*chain.from_iterable(options)], device=device)
    predicting = logits[rows, places].float()
    found = predicting.gather(1, targets[:, None])[:, 0] - predicting.logsumexp(1)
    sums = torch.zeros(len(options), dtype=torch.float64, device=device)
    return sums.index_add(0, rows, found.double()).tolist()


def _grouped(questions: Sequence[Question], log_probs: Sequence[float]) -> list[list[Likelihood]]:
    values = iter(log_probs)
    return [
        [Likelihood(next(values), len(option)) for option in question.options]
        for question in questions
    ]


def _right_padded(
    rows: Sequence[Sequence[int]], tokenizer: PreTrainedTokenizerBase, device: Any
) -> tuple[Tensor, Tensor]:
    """``input_ids`` and ``attention_mask``, each ``[rows, longest]``, that begin together."""
    import torch

    longest = max(len(row) for row in rows)
    padding = tokenizer.pad_token_id
    ids = [[*row, *[padding] * (longest - len(row))] for row in rows]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
    return (
        torch.tensor(ids, dtype=torch.long, device=device).reshape(len(rows), longest),
        torch.tensor(mask, dtype=torch.long, device=device).reshape(len(rows), longest),
    )
