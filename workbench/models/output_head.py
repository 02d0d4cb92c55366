"""The output head, fed so that PyTorch multiplies it once for a whole batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel


def feed_head_contiguously(model: PreTrainedModel) -> None:
    """Copy the hidden states that the head sees into consecutive memory.

    When an answer begins, only the last position of each row is wanted, ``hidden[:, -1:]``, which
    is not consecutive. With frozen weights ``torch.nn.functional.linear`` then copies the matrix
    once for each row of the batch: gigabytes for a large vocabulary. The tokens are the same.
    """
    head: Module | None = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if head is not None:
        head.register_forward_pre_hook(_contiguous)


def _contiguous(_head: Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    hidden: Tensor
    hidden, *rest = arguments
    return hidden.contiguous(), *rest
