"""Greedy answers in batches, the same way before and after training."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def greedy_answers(
    model: PreTrainedModel,
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
    import torch

    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    answers = [""] * len(prompts)
    training = model.training
    model.eval()
    try:
        for start in range(0, len(order), batch_size):
            indices = order[start : start + batch_size]
            batch = _left_padded([prompts[index] for index in indices], tokenizer, model.device)
            with torch.no_grad():
                output = model.generate(
                    **batch,
                    max_new_tokens=max_new_tokens,
                    do_sample=False,
                    pad_token_id=tokenizer.pad_token_id,
                )
            new = output[:, batch["input_ids"].shape[1] :]
            texts = tokenizer.batch_decode(new, skip_special_tokens=True)
            for index, text in zip(indices, texts, strict=True):
                answers[index] = text.strip()
            report(start + len(indices), len(prompts))
    finally:
        model.train(training)
    return answers


def _left_padded(
    rows: Sequence[Sequence[int]], tokenizer: PreTrainedTokenizerBase, device: object
) -> dict[str, object]:
    import torch

    longest = max(len(row) for row in rows)
    padding = tokenizer.pad_token_id
    ids = [[padding] * (longest - len(row)) + list(row) for row in rows]
    mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
    return {
        "input_ids": torch.tensor(ids, device=device),  # type: ignore[arg-type]
        "attention_mask": torch.tensor(mask, device=device),  # type: ignore[arg-type]
    }
