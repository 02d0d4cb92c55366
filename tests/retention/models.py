"""Models small enough to compute by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor


class SoftmaxRegression(nn.Module):
    """Logits W·x of feature vectors x, ``[rows, length, features]``, where they are not masked."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, classes, bias=False)

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        return self.linear(batch["x"])[batch["attention_mask"].bool()]


def batches_of(inputs: Tensor, size: int) -> list[dict[str, Tensor]]:
    """Cut ``[tokens, features]`` into batches of one-token rows."""
    return [
        {"x": part[:, None], "attention_mask": torch.ones(len(part), 1, dtype=torch.int64)}
        for part in inputs.split(size)
    ]


def exact_fisher(model: SoftmaxRegression, inputs: Tensor) -> Tensor:
    """Closed form: the mean of p_i (1 - p_i) x_j²."""
    chances = model.linear(inputs).softmax(-1)
    return ((chances * (1 - chances)).T @ inputs.square() / len(inputs)).detach()
