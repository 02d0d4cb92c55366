"""Which weight matrices a strategy works on, chosen the same way from facts and from a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch.nn import Module

_ATTENTION = ("attn", "self_attn", "attention", "self_attention")


def pick_targets(wanted: str | tuple[str, ...], linears: Iterable[str]) -> set[str]:
    """Choose module names.

    Args:
        wanted: ``all-linear``, ``attention``, ``mlp``, or last names such as ``q_proj``.
        linears: Full module names of the weight matrices inside the blocks.

    Raises:
        BadInputError: Nothing matches; the message names what exists.
    """
    known = list(linears)
    if isinstance(wanted, str) and wanted in ("all-linear", "attention", "mlp"):
        chosen = {
            name
            for name in known
            if wanted == "all-linear" or _in_attention(name) == (wanted == "attention")
        }
    else:
        names = (wanted,) if isinstance(wanted, str) else wanted
        missing = [name for name in names if not any(_ends_with(full, name) for full in known)]
        chosen = {full for full in known if any(_ends_with(full, name) for name in names)}
        if missing:
            chosen = set()
    if not chosen:
        exist = ", ".join(sorted({name.rpartition(".")[2] for name in known})) or "none"
        raise BadInputError(
            f"strategy.targets: {wanted!r} matches no matrix; the model has: {exist}"
        )
    return chosen


def linear_modules(model: Module) -> list[str]:
    """Full names of the weight matrices inside the blocks, the output head left out."""
    from torch.nn import Linear
    from transformers import PreTrainedModel
    from transformers.pytorch_utils import Conv1D

    assert isinstance(model, PreTrainedModel)  # noqa: S101 - narrows for mypy
    head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, (Linear, Conv1D)) and module is not head
    ]


def _in_attention(name: str) -> bool:
    return any(word in _ATTENTION for word in name.split("."))


def _ends_with(full: str, name: str) -> bool:
    return full == name or full.endswith(f".{name}")
