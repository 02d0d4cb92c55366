"""Fisher information of the base, with labels sampled from the base itself.

With sampled labels the gradients of the loss at different tokens are uncorrelated. So the square of
the gradient that is summed over the tokens of a batch, divided by their number, is an unbiased
estimate of the Fisher information per token at any batch size. Observed labels would not do
(Kunstner et al., arXiv 1905.12558).
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor
    from torch.nn import Module, Parameter

    from workbench.retention.base import TensorBatch

    Logits = Callable[[TensorBatch], Tensor]

_QUANTILE = 0.999
"""See :func:`gradient_limit`."""
_SAMPLE_SIZE = 4_000_000
"""Entries from which the quantile of larger models is estimated."""


def diagonal_fisher(
    logits: Logits,
    parameters: Mapping[str, Parameter],
    batches: Sequence[TensorBatch],
    *,
    seed: int,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Tensor]:
    """Diagonal of the Fisher information per token, float32, shaped like each parameter.

    F = (Σ over batches of (gradient of the summed loss)²) / tokens. Then ½·Σ F·(theta - theta₀)²
    predicts the KL to the base in nats per token (arXiv 1612.00796, section 2).

    Args:
        logits: Computes ``[tokens, vocabulary]`` for a batch, with gradients.
        parameters: What to differentiate, by name; a tied tensor once.
        batches: General text.
        seed: Of the sampled labels.
        report: Called with the number of batches done and of all.
    """
    tensors = list(parameters.values())
    squares = [torch.zeros_like(tensor, dtype=torch.float32) for tensor in tensors]
    tokens = 0
    labels = _LabelSampler(seed)
    for done, batch in enumerate(batches, 1):
        loss, count = labels.loss(logits(batch))
        gradients = torch.autograd.grad(loss, tensors, allow_unused=True)
        for square, gradient in zip(squares, gradients, strict=True):
            if gradient is not None:
                square.addcmul_(gradient.float(), gradient.float())
        tokens += count
        report(done, len(batches))
    return {name: square.div_(tokens) for name, square in zip(parameters, squares, strict=True)}


def kronecker_fisher(
    logits: Logits,
    modules: Mapping[str, Module],
    batches: Sequence[TensorBatch],
    *,
    seed: int,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Tensor]:
    """Two vectors for each matrix whose outer product approximates its Fisher diagonal.

    ``NAME.inputs [inputs]`` is the mean square of each input over all tokens, ``NAME.outputs
    [outputs]`` that of the gradient at each output over the predicted tokens, so that
    F_ij ≈ outputs_i · inputs_j (the diagonal of K-FAC: Martens & Grosse, arXiv 1503.05671). The
    matrices may be quantised, because only their inputs and outputs are used.

    Args:
        logits: Computes ``[tokens, vocabulary]`` for a batch, with gradients to the modules'
            outputs.
        modules: Linear modules by name.
        batches: General text with ``attention_mask``; padding does not count.
        seed: Of the sampled labels.
        report: Called with the number of batches done and of all.
    """
    sums: dict[str, Tensor] = {}
    tokens = predicted_tokens = 0
    labels = _LabelSampler(seed)
    for done, batch in enumerate(batches, 1):
        mask = batch["attention_mask"].bool()
        with ExitStack() as hooks:
            for name, module in modules.items():
                hooks.enter_context(_summing_squares(name, module, mask, sums))
            loss, count = labels.loss(logits(batch))
            loss.backward()  # type: ignore[no-untyped-call]
        tokens += int(mask.sum())
        predicted_tokens += count
        report(done, len(batches))
    return {
        name: total / (tokens if name.endswith(".inputs") else predicted_tokens)
        for name, total in sums.items()
    }


def gradient_limit(fisher: Mapping[str, Tensor], *, seed: int) -> float:
    """The 99.9 % quantile of all entries, above which the term of the loss counts none.

    A few entries hold most of the trace. Their gradients would take up the norm that gradients are
    clipped to, so that neither the task is learned nor the other weights are held. The KL that is
    predicted has no limit.

    Args:
        fisher: Entries by parameter name; a random sample of them is used if there are millions.
        seed: Of the sample.
    """
    total = sum(tensor.numel() for tensor in fisher.values())
    generator = torch.Generator().manual_seed(seed)
    entries = torch.cat(
        [_sample(tensor.cpu().flatten(), total, generator) for tensor in fisher.values()]
    )
    rank = min(len(entries), int(_QUANTILE * len(entries)) + 1)
    return float(entries.kthvalue(rank).values)


def _sample(entries: Tensor, total: int, generator: torch.Generator) -> Tensor:
    """The share of a sample of ``total`` entries that falls to these ones."""
    if total <= _SAMPLE_SIZE:
        return entries
    size = max(1, round(len(entries) * _SAMPLE_SIZE / total))
    return entries[torch.randint(len(entries), (size,), generator=generator)]


class _LabelSampler:
    """Samples labels from the model's own predictions, with a separate random generator."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._generator: torch.Generator | None = None

    def loss(self, logits: Tensor) -> tuple[Tensor, int]:
        """Cross-entropy of sampled labels, summed over the tokens, and the number of tokens."""
        logits = logits.float()
        if self._generator is None:
            self._generator = torch.Generator(logits.device).manual_seed(self._seed)
        probabilities = logits.detach().softmax(-1)
        labels = torch.multinomial(probabilities, 1, generator=self._generator)[:, 0]
        return functional.cross_entropy(logits, labels, reduction="sum"), len(labels)


@contextmanager
def _summing_squares(
    name: str, module: Module, mask: Tensor, sums: dict[str, Tensor]
) -> Iterator[None]:
    """Add the squares of a module's inputs and output gradients to ``sums`` inside the context."""

    def add(key: str, values: Tensor) -> None:
        square = values.detach().float()[mask].square().sum(0)
        sums[key] = sums[key] + square if key in sums else square

    def forward(_module: Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        add(f"{name}.inputs", inputs[0])
        output.register_hook(lambda gradient: add(f"{name}.outputs", gradient))  # type: ignore[no-untyped-call]

    handle = module.register_forward_hook(forward)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def frozen_but_differentiable(model: Module) -> Iterator[None]:
    """Freeze all parameters inside, yet let gradients flow from the embeddings on."""
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    model.requires_grad_(requires_grad=False)
    embeddings: Module = model.get_input_embeddings()  # type: ignore[operator]
    handle = embeddings.register_forward_hook(lambda _m, _i, output: output.requires_grad_())
    try:
        yield
    finally:
        handle.remove()
        for parameter, flag in flags:
            parameter.requires_grad_(flag)
