"""Answers in batches, the same way before and after training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.models.eval_mode import eval_mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor
    from torch.nn import Module
    from transformers import LogitsProcessorList, PreTrainedTokenizerBase


def greedy_answers(
    model: Module,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    batch_size: int = 16,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[str]:
    """Answer tokenised prompts under greedy decoding, as text without markers.

    See :func:`greedy_tokens`.
    """
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
    batch_size: int = 16,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[list[int]]:
    """Answer tokenised prompts under greedy decoding, up to and with the token that ends them.

    See :func:`answer_all`.
    """
    requests = [Request(prompt, max_new_tokens) for prompt in prompts]
    return answer_all(model, tokenizer, requests, batch_size=batch_size, report=report)


@dataclass(frozen=True)
class Request:
    """A prompt to be answered.

    Attributes:
        prompt: Token ids.
        max_new_tokens: Longest answer.
        seed: Draw the answer at temperature 1 from this seed; without one it is greedy.
    """

    prompt: Sequence[int]
    max_new_tokens: int
    seed: int | None = None


def answer_all(
    model: Module,
    tokenizer: PreTrainedTokenizerBase,
    requests: Sequence[Request],
    *,
    batch_size: int = 16,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[list[int]]:
    """Answer each request, up to and with the token that ends its answer.

    Requests for answers of one greatest length are batched by the length of their prompts and
    padded on the left; the answers come back in the order of the requests, and no draw depends on
    what else is asked. The model's mode and the random state are left as they were.
    """
    answers: list[list[int]] = [[]] * len(requests)
    done = 0
    sizes = [(request.max_new_tokens, len(request.prompt)) for request in requests]
    with eval_mode(model):
        for indices in _batches(sizes, batch_size, padding_shows(model)):
            batch = [requests[index] for index in indices]
            for index, tokens in zip(indices, _answer(model, tokenizer, batch), strict=True):
                answers[index] = tokens
            done += len(indices)
            report(done, len(requests))
    return answers


def _batches(sizes: Sequence[tuple[int, int]], size: int, equal: bool) -> Iterator[list[int]]:
    """Indices of answers of one length with similar, or where need be ``equal``, prompts."""
    compared = 2 if equal else 1
    batch: list[int] = []
    for index in sorted(range(len(sizes)), key=sizes.__getitem__):
        other = batch and sizes[batch[-1]][:compared] != sizes[index][:compared]
        if len(batch) == size or other:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def padding_shows(model: Module) -> bool:
    """Whether padding changes answers: PEFT counts it between its virtual tokens and the text."""
    from peft import PeftModel

    return isinstance(model, PeftModel) and bool(model.active_peft_config.is_prompt_learning)


def _answer(
    model: Module, tokenizer: PreTrainedTokenizerBase, requests: Sequence[Request]
) -> list[list[int]]:
    device = next(model.parameters()).device
    padded = left_padded([request.prompt for request in requests], tokenizer)
    batch = {name: tensor.to(device) for name, tensor in padded.items()}
    generate: Any = model.generate
    output = generate(
        **batch,
        max_new_tokens=requests[0].max_new_tokens,
        do_sample=False,
        pad_token_id=tokenizer.pad_token_id,
        logits_processor=_draws([request.seed for request in requests]),
    )
    settings: Any = model.generation_config
    ends = _as_list(settings.eos_token_id)
    return [_ended(row, ends) for row in output[:, batch["input_ids"].shape[1] :].tolist()]


def _draws(seeds: Sequence[int | None]) -> LogitsProcessorList:
    """Turn greedy choices into draws for the rows with a seed.

    The highest of logits to which Gumbel noise is added is a draw from their softmax (Gumbel-max),
    and each row has noise of its own.
    """
    import torch
    from transformers import LogitsProcessorList

    generators = [
        (row, torch.Generator().manual_seed(seed))
        for row, seed in enumerate(seeds)
        if seed is not None
    ]

    def add_noise(_ids: Tensor, logits: Tensor) -> Tensor:
        noisy = logits.clone()
        for row, generator in generators:
            waits = torch.empty(logits.shape[-1], dtype=torch.float64)
            noisy[row] -= waits.exponential_(generator=generator).log().to(logits)
        return noisy

    return LogitsProcessorList([add_noise] if generators else [])


def _ended(tokens: list[int], ends: Sequence[int]) -> list[int]:
    """Leave out the padding behind the first token that ends an answer."""
    for place, token in enumerate(tokens, 1):
        if token in ends:
            return tokens[:place]
    return tokens


def _as_list(ids: int | list[int] | None) -> list[int]:
    if ids is None:
        return []
    return [ids] if isinstance(ids, int) else ids


def left_padded(
    rows: Sequence[Sequence[int]], tokenizer: PreTrainedTokenizerBase
) -> dict[str, Tensor]:
    """``input_ids`` and ``attention_mask``, each ``[rows, longest]``, that end together."""
    import torch

    longest = max(len(row) for row in rows)
    padding = tokenizer.pad_token_id
    ids = [[padding] * (longest - len(row)) + list(row) for row in rows]
    mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}
