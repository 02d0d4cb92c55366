"""The loss of a causal language model, computed from the logits of labelled positions only.

For labels y and an input x of one row, the loss is the negative log-likelihood in nats,
-sum over t of log p(y_t | x_1 … x_(t-1)), over the positions t that have a label. The logits at
position t - 1 predict the label at position t, so labels are shifted by one against logits.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from workbench.data.batches import split_batch
from workbench.data.rendering import IGNORE_INDEX
from workbench.models.eval_mode import eval_mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import Tensor
    from torch.nn import Module


def labelled_nll(model: Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, int]:
    """Sum the negative log-likelihood of the labelled tokens of a batch, in nats.

    The full ``[rows, length, vocabulary]`` logits are never built, whatever the architecture.

    Args:
        model: A causal language model, with or without adapters, or wrapped for data parallelism.
        batch: ``input_ids``, ``attention_mask`` and ``labels``, each ``[rows, length]``. Labels
            are not shifted, and :data:`IGNORE_INDEX` where there is no loss.

    Returns:
        The sum, a scalar with gradients, and the number of labelled tokens.
    """
    logits, targets = labelled_logits(model, batch)
    return functional.cross_entropy(logits.float(), targets, reduction="sum"), len(targets)


def nll_by_dataset(
    model: Module, batch: Mapping[str, Tensor], datasets: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Sum the negative log-likelihood as :func:`labelled_nll`, and by dataset.

    Args:
        model: As in :func:`labelled_nll`.
        batch: Also ``dataset``, ``[rows]``, the dataset of each row.
        datasets: How many there are.

    Returns:
        The sum of all rows, a scalar with gradients; sums by dataset, ``[datasets]``, without; and
        labelled tokens by dataset, ``[datasets]``.
    """
    logits, targets = labelled_logits(model, batch)
    losses = functional.cross_entropy(logits.float(), targets, reduction="none")
    tokens_of_row = (batch["labels"][:, 1:] != IGNORE_INDEX).sum(1)
    dataset = batch["dataset"].repeat_interleave(tokens_of_row)
    sums = torch.zeros(datasets, device=losses.device).index_add_(0, dataset, losses.detach())
    return losses.sum(), sums, dataset.bincount(minlength=datasets)


def labelled_logits(model: Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The logits that predict the labelled tokens of a batch, and these tokens.

    Args:
        model: As in :func:`labelled_nll`.
        batch: As in :func:`labelled_nll`.

    Returns:
        Logits ``[labelled, vocabulary]`` and token ids ``[labelled]``, row by row.
    """
    # 1. shift: the target at position t is the label at t + 1; the last position has none
    targets = functional.pad(batch["labels"][:, 1:], (0, 1), value=IGNORE_INDEX)
    # 2. compute logits only at positions with a target
    has_target = targets != IGNORE_INDEX
    inner = model.module if isinstance(model, DistributedDataParallel) else model
    with restricted_head(inner, has_target):
        logits = model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False
        ).logits
    return logits, targets[has_target]


@contextmanager
def restricted_head(model: Module, positions: Tensor) -> Iterator[None]:
    """Inside this context the model's logits are ``[selected, vocabulary]``.

    A hook passes only the hidden states at the selected positions to the output head.

    Args:
        model: A model with an output head.
        positions: ``[rows, length]`` bool, true where logits are wanted. Virtual tokens that a
            soft prompt puts in front are never selected.
    """

    def select(_head: Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden = inputs[0]  # [rows, virtual + length, hidden]
        return (hidden[:, -positions.shape[1] :][positions], *inputs[1:])

    handle = model.get_output_embeddings().register_forward_pre_hook(select)  # type: ignore[operator]
    try:
        yield
    finally:
        handle.remove()


def mean_nll(
    model: Module, batches: Iterable[Mapping[str, Tensor]], max_rows: int | None = None
) -> float:
    """Mean loss over all labelled tokens of ``batches``, in nats per token; NaN without any.

    The model's mode is restored, and no gradients are computed.

    Args:
        model: As in :func:`labelled_nll`.
        batches: As in :func:`labelled_nll`.
        max_rows: Most rows to compute at once; larger batches are split.
    """
    with eval_mode(model):
        sums = [labelled_nll(model, part) for batch in batches for part in _split(batch, max_rows)]
    tokens = sum(count for _, count in sums)
    return float(sum(nll.double() for nll, _ in sums)) / tokens if tokens else float("nan")


def mean_nll_by_dataset(
    model: Module,
    batches: Iterable[Mapping[str, Tensor]],
    datasets: int,
    max_rows: int | None = None,
) -> list[float]:
    """Mean loss of the rows of each dataset, as :func:`mean_nll`; NaN for one without rows.

    Args:
        model: As in :func:`labelled_nll`.
        batches: As in :func:`nll_by_dataset`.
        datasets: How many there are.
        max_rows: Most rows to compute at once; larger batches are split.
    """
    with eval_mode(model):
        parts = [
            nll_by_dataset(model, part, datasets)[1:]
            for batch in batches
            for part in _split(batch, max_rows)
        ]
    sums, counts = (torch.stack(column).double().sum(0) for column in zip(*parts, strict=True))
    means: list[float] = (sums / counts).tolist()
    return means


def _split(batch: Mapping[str, Tensor], max_rows: int | None) -> Iterable[Mapping[str, Tensor]]:
    rows = len(batch["input_ids"])
    if max_rows is None or rows <= max_rows:
        return [batch]
    return split_batch(batch, math.ceil(rows / max_rows))
