"""Fisher information of the base with labels sampled from the base itself.

The sum of the loss over the tokens of a batch has, with sampled labels, a gradient whose terms are
uncorrelated, so the square of the summed gradient divided by the number of tokens is unbiased at
any batch size (Kunstner et al., arXiv 1905.12558, on why observed labels would not do).
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

    Batch = Mapping[str, Tensor]
    Logits = Callable[[Batch], Tensor]

CLAMP = 0.999
"""Entries above this quantile are cut down to it."""

_SAMPLE = 4_000_000
"""Entries from which the quantile of larger models is estimated."""


def diagonal_fisher(
    logits: Logits,
    parameters: Mapping[str, Parameter],
    batches: Sequence[Batch],
    *,
    seed: int,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Tensor]:
    """Diagonal of the Fisher information per token, float32, shaped like each parameter.

    Half of its product with a squared change of the weights predicts the KL to the base in nats
    per token (arXiv 1612.00796, section 2).

    Args:
        logits: Gives ``[tokens, vocabulary]`` for a batch, with gradients.
        parameters: What to differentiate; a tied tensor stands here once.
        batches: General text.
        seed: Of the sampled labels.
        report: Told the batches done and in all.
    """
    names, wanted = list(parameters), list(parameters.values())
    squares = [torch.zeros_like(tensor, dtype=torch.float32) for tensor in wanted]
    tokens = 0
    draw = _Labels(seed)
    for done, batch in enumerate(batches, 1):
        loss, count = draw.loss(logits(batch))
        gradients = torch.autograd.grad(loss, wanted, allow_unused=True)
        for square, gradient in zip(squares, gradients, strict=True):
            if gradient is not None:
                square.addcmul_(gradient.float(), gradient.float())
        tokens += count
        report(done, len(batches))
    return {name: square.div_(tokens) for name, square in zip(names, squares, strict=True)}


def kronecker_fisher(
    logits: Logits,
    modules: Mapping[str, Module],
    batches: Sequence[Batch],
    *,
    seed: int,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, Tensor]:
    """Two vectors for each matrix whose outer product stands for its diagonal Fisher.

    ``NAME.inputs`` holds the mean square of each input, ``NAME.outputs`` that of the gradient at
    each output, so that F_ij is about outputs_i times inputs_j (Martens & Grosse, arXiv 1503.05671,
    taken on the diagonal). Matrices may be quantised: only their inputs and outputs are seen.

    Args:
        logits: Gives ``[tokens, vocabulary]`` for a batch, with gradients to the modules' outputs.
        modules: Linear modules by name.
        batches: General text with ``attention_mask``; padding does not count.
        seed: Of the sampled labels.
        report: Told the batches done and in all.
    """
    sums: dict[str, Tensor] = {}
    seen = predicted = 0
    draw = _Labels(seed)
    for done, batch in enumerate(batches, 1):
        mask = batch["attention_mask"].bool()
        with ExitStack() as hooks:
            for name, module in modules.items():
                hooks.enter_context(_recording(name, module, mask, sums))
            loss, count = draw.loss(logits(batch))
            loss.backward()  # type: ignore[no-untyped-call]
        seen += int(mask.sum())
        predicted += count
        report(done, len(batches))
    return {
        name: total / (seen if name.endswith(".inputs") else predicted)
        for name, total in sums.items()
    }


def clamp_at_quantile(fisher: dict[str, Tensor], *, seed: int) -> None:
    """Cut the largest entries, in place; a few of them would freeze the weights they belong to.

    The quantile is that of all entries, estimated from a random sample where there are millions.
    """
    total = sum(tensor.numel() for tensor in fisher.values())
    generator = torch.Generator().manual_seed(seed)
    drawn = [_sample(tensor.cpu().flatten(), total, generator) for tensor in fisher.values()]
    entries = torch.cat(drawn)
    place = min(len(entries), int(CLAMP * len(entries)) + 1)
    limit = float(entries.kthvalue(place).values)
    for tensor in fisher.values():
        tensor.clamp_(max=limit)


def _sample(entries: Tensor, total: int, generator: torch.Generator) -> Tensor:
    if total <= _SAMPLE:
        return entries
    wanted = max(1, round(len(entries) * _SAMPLE / total))
    return entries[torch.randint(len(entries), (wanted,), generator=generator)]


class _Labels:
    """Draws labels from the model's own distribution without touching the global random state."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._generator: torch.Generator | None = None

    def loss(self, logits: Tensor) -> tuple[Tensor, int]:
        """Summed loss on drawn labels, and their number."""
        logits = logits.float()
        if self._generator is None:
            self._generator = torch.Generator(logits.device).manual_seed(self._seed)
        chances = logits.detach().softmax(-1)
        labels = torch.multinomial(chances, 1, generator=self._generator)[:, 0]
        return functional.cross_entropy(logits, labels, reduction="sum"), len(labels)


@contextmanager
def _recording(name: str, module: Module, mask: Tensor, sums: dict[str, Tensor]) -> Iterator[None]:
    """Add squares of inputs and of output gradients to ``sums`` while the context lasts."""

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
    """No parameter requires a gradient inside, yet gradients flow from the embeddings on."""
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
