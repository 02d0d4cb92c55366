"""Greedy answers in batches, the same way before and after training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.probes.evaluating import evaluating

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedTokenizerBase


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

    Prompts are batched by length and padded on the left; the answers come back in the order of the
    prompts. The model's mode and the random state are left as they were.
    """
    answers: list[list[int]] = [[]] * len(prompts)
    done = 0
    with evaluating(model):
        for indices in _batches([len(row) for row in prompts], batch_size, _padding_shows(model)):
            rows = [prompts[index] for index in indices]
            continued = _answer(model, tokenizer, rows, max_new_tokens)
            for index, tokens in zip(indices, continued, strict=True):
                answers[index] = tokens
            done += len(indices)
            report(done, len(prompts))
    return answers


def _batches(lengths: Sequence[int], size: int, equal: bool) -> Iterator[list[int]]:
    """Indices of rows of similar, or where need be ``equal``, lengths."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if len(batch) == size or (equal and batch and lengths[batch[-1]] != lengths[index]):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _padding_shows(model: Module) -> bool:
    """Whether padding changes answers: PEFT counts it between its virtual tokens and the text."""
    from peft import PeftModel

    return isinstance(model, PeftModel) and bool(model.active_peft_config.is_prompt_learning)


def _answer(
    model: Module,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Sequence[int]],
    max_new_tokens: int,
) -> list[list[int]]:
    device = next(model.parameters()).device
    batch = {name: tensor.to(device) for name, tensor in _left_padded(rows, tokenizer).items()}
    generate: Any = model.generate
    output = generate(
        **batch,
        max_new_tokens=max_new_tokens,
        do_sample=False,
        pad_token_id=tokenizer.pad_token_id,
    )
    settings: Any = model.generation_config
    ends = _as_list(settings.eos_token_id)
    return [_ended(row, ends) for row in output[:, batch["input_ids"].shape[1] :].tolist()]


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


def _left_padded(
    rows: Sequence[Sequence[int]], tokenizer: PreTrainedTokenizerBase
) -> dict[str, Tensor]:
    import torch

    longest = max(len(row) for row in rows)
    padding = tokenizer.pad_token_id
    ids = [[padding] * (longest - len(row)) + list(row) for row in rows]
    mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}
