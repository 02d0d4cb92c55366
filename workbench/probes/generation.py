"""Greedy answers in batches, the same way before and after training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.probes.evaluating import evaluating

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    """Answer tokenised prompts under greedy decoding.

    Prompts are batched by length and padded on the left; the answers come back in the order of the
    prompts. The model's mode and the random state are left as they were.
    """
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    answers = [""] * len(prompts)
    with evaluating(model):
        for start in range(0, len(order), batch_size):
            indices = order[start : start + batch_size]
            rows = [prompts[index] for index in indices]
            texts = _answer(model, tokenizer, rows, max_new_tokens)
            for index, text in zip(indices, texts, strict=True):
                answers[index] = text
            report(start + len(indices), len(prompts))
    return answers


def _answer(
    model: Module,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Sequence[int]],
    max_new_tokens: int,
) -> list[str]:
    device = next(model.parameters()).device
    batch = {name: tensor.to(device) for name, tensor in _left_padded(rows, tokenizer).items()}
    generate: Any = model.generate
    output = generate(
        **batch,
        max_new_tokens=max_new_tokens,
        do_sample=False,
        pad_token_id=tokenizer.pad_token_id,
    )
    texts: list[str] = tokenizer.batch_decode(
        output[:, batch["input_ids"].shape[1] :], skip_special_tokens=True
    )
    return [text.strip() for text in texts]


def _left_padded(
    rows: Sequence[Sequence[int]], tokenizer: PreTrainedTokenizerBase
) -> dict[str, Tensor]:
    import torch

    longest = max(len(row) for row in rows)
    padding = tokenizer.pad_token_id
    ids = [[padding] * (longest - len(row)) + list(row) for row in rows]
    mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}
