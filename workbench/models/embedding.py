"""Rows of the embedding for tokens that were added to a tokenizer without resizing the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch.nn import Module
    from transformers import PreTrainedModel


def embedding_rows(model: Module) -> int:
    """How many tokens a model has an embedding for."""
    embedding: Any = model
    return len(embedding.get_input_embeddings().weight)


def add_rows(model: PreTrainedModel, tokens: int) -> None:
    """Give each of ``tokens`` tokens a row in embedding and head, unless it has one.

    A new row is the mean of the old ones (https://nlp.stanford.edu/~johnhew/vocab-expansion.html),
    so that it is the same whenever the model is loaded.
    """
    rows = embedding_rows(model)
    if tokens <= rows:
        return
    model.resize_token_embeddings(tokens, mean_resizing=False)
    with torch.no_grad():
        for layer in _layers(model).values():
            layer.weight[rows:] = layer.weight[:rows].float().mean(dim=0).to(layer.weight.dtype)
    embedding: Any = model.get_input_embeddings()
    embedding.first_added = rows


def added_rows(model: PreTrainedModel) -> dict[str, list[int]]:
    """The rows that :func:`add_rows` added, by the name of the module that has them."""
    embedding = model.get_input_embeddings()
    rows = embedding_rows(model)
    added = list(range(getattr(embedding, "first_added", rows), rows))
    return dict.fromkeys(_layers(model), added) if added else {}


def _layers(model: PreTrainedModel) -> dict[str, Any]:
    """The embedding and, where it has its own weight, the head, by the last part of their names."""
    embedding: Any = model.get_input_embeddings()
    head: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    wanted = [embedding]
    if head is not None and head.weight is not embedding.weight:
        wanted.append(head)
    return {
        name.rpartition(".")[2]: module
        for name, module in model.named_modules()
        if any(module is layer for layer in wanted)
    }
