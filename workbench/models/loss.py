"""The loss, from the logits of labelled positions only."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from workbench.data.batches import split_batch
from workbench.models.eval_mode import eval_mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import Tensor
    from torch.nn import Module

IGNORE_INDEX = -100


def labelled_nll(model: Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, int]:
    """Sum the negative log-likelihood of the labelled tokens of a batch, in nats.

    The output head sees only the hidden states that predict a labelled token, so the full
    ``[batch, length, vocabulary]`` logits are never built, whatever the architecture.

    Args:
        model: A causal language model, with or without adapters, or several processes' copy of one.
        batch: ``input_ids``, ``attention_mask`` and ``labels``, each ``[batch, length]``; labels
            are not shifted and hold -100 where nothing is learned.

    Returns:
        The sum (a scalar that carries gradients) and the number of labelled tokens.
    """
    logits, targets = labelled_logits(model, batch)
    return functional.cross_entropy(logits.float(), targets, reduction="sum"), len(targets)


def labelled_logits(model: Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Logits that predict the labelled tokens of a batch, ``[labelled, vocabulary]``, and those.

    The batch is as in :func:`labelled_nll`.
    """
    labels = batch["labels"]
    targets = functional.pad(labels[:, 1:], (0, 1), value=IGNORE_INDEX)
    predicts = targets != IGNORE_INDEX
    inner = model.module if isinstance(model, DistributedDataParallel) else model
    with head_sees_only(inner, predicts):
        logits = model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False
        ).logits
    return logits, targets[predicts]


@contextmanager
def head_sees_only(model: Module, positions: Tensor) -> Iterator[None]:
    """Inside this context the model's logits are ``[chosen, vocabulary]``.

    Args:
        model: A model with an output head.
        positions: Boolean ``[batch, length]``; true where logits are wanted. Virtual tokens that
            an adapter puts in front are skipped.
    """

    def choose(_head: Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden = inputs[0]
        return (hidden[:, -positions.shape[1] :][positions], *inputs[1:])

    handle = model.get_output_embeddings().register_forward_pre_hook(choose)  # type: ignore[operator]
    try:
        yield
    finally:
        handle.remove()


def mean_nll(
    model: Module, batches: Iterable[Mapping[str, Tensor]], at_once: int | None = None
) -> float:
    """Mean loss in nats per labelled token over ``batches``; training is left as it was.

    Batches of more rows than there is memory for ``at_once`` are read in parts.
    """
    with eval_mode(model):
        sums = [
            labelled_nll(model, part)
            for batch in batches
            for part in _parts(batch, at_once or len(batch["input_ids"]))
        ]
    tokens = sum(count for _, count in sums)
    return float(sum(nll.double() for nll, _ in sums)) / tokens if tokens else float("nan")


def _parts(batch: Mapping[str, Tensor], at_once: int) -> Iterator[Mapping[str, Tensor]]:
    rows = len(batch["input_ids"])
    return iter([batch]) if rows <= at_once else split_batch(batch, math.ceil(rows / at_once))
