"""Which modules and tensors of a model a strategy works on, chosen by their dotted names.

The same functions serve the facts of a model (names from the weight headers) and a loaded model, so
that what is counted before a run is what is trained in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch.nn import Module

_PATTERN = "re:"


def _check_patterns(value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    for name in (value,) if isinstance(value, str) else value:
        if name.startswith(_PATTERN):
            try:
                re.compile(name.removeprefix(_PATTERN))
            except re.error as error:
                raise ValueError(f"{name!r} is not a regular expression: {error}") from error
    return value


Names = Annotated[tuple[str, ...], AfterValidator(_check_patterns)]
"""Ends of dotted names, such as ``q_proj``, or ``re:`` and a regular expression."""

AutoNames = Annotated[Literal["auto"] | tuple[str, ...], AfterValidator(_check_patterns)]
"""Names, or ``auto`` for the usual ones."""

Targets = Annotated[
    Literal["all-linear", "attention", "mlp"] | tuple[str, ...], AfterValidator(_check_patterns)
]
"""A group of matrices, or their names."""

TARGETS_SYNTAX = "all-linear, attention, mlp, names such as q_proj, or re: and a regular expression"
"""How :data:`Targets` are written, for the help of fields."""


def pick_targets(
    targets: str | tuple[str, ...], linears: Iterable[str], field: str = "strategy.target_modules"
) -> set[str]:
    r"""Choose weight matrices.

    Args:
        targets: ``all-linear``, ``attention``, ``mlp``, last names such as ``q_proj``, or
            expressions such as ``re:layers\.[0-3]\.``.
        linears: Full module names of the matrices inside the blocks.
        field: The field to name in the error when nothing matches.

    Raises:
        BadInputError: Nothing matches; the message lists the names that exist.
    """
    available = list(linears)
    if targets == "all-linear":
        chosen = set(available)
    elif targets in ("attention", "mlp"):
        chosen = {name for name in available if in_attention(name) == (targets == "attention")}
    else:
        return pick_names((targets,) if isinstance(targets, str) else targets, available, field)
    if not chosen:
        raise _no_matrix(targets, available, field)
    return chosen


def pick_names(names: Sequence[str], available: Iterable[str], field: str) -> set[str]:
    """Choose the modules that each of ``names`` matches at the end of their dotted name.

    Raises:
        BadInputError: ``names`` is empty, or one of them matches nothing.
    """
    available = list(available)
    return _pick(names, available, _matches_end, lambda name: _no_matrix(name, available, field))


def pick_parts(names: Sequence[str], tensors: Iterable[str], field: str) -> set[str]:
    """Choose the tensors whose dotted names contain each of ``names``.

    Raises:
        BadInputError: ``names`` is empty, or one of them matches nothing.
    """
    available = list(tensors)

    def no_tensor(name: str) -> BadInputError:
        examples = ", ".join(available[:3])
        return BadInputError(
            f"{field}: {name!r} matches no tensor; the model has names such as {examples}"
        )

    return _pick(names, available, _matches_part, no_tensor)


def _pick(
    names: Sequence[str],
    available: list[str],
    matches: Callable[[str, str], bool],
    no_match: Callable[[str], BadInputError],
) -> set[str]:
    chosen: set[str] = set()
    for name in names or ("nothing",):
        matching = {full for full in available if matches(full, name)}
        if not matching:
            raise no_match(name)
        chosen |= matching
    return chosen


def _matches_end(full: str, name: str) -> bool:
    if name.startswith(_PATTERN):
        return re.search(name.removeprefix(_PATTERN), full) is not None
    return full == name or full.endswith(f".{name}")


def _matches_part(full: str, name: str) -> bool:
    return _matches_end(full, name) or f".{name}." in f".{full}."


def _no_matrix(name: object, available: Iterable[str], field: str) -> BadInputError:
    last_names = sorted({full.rpartition(".")[2] for full in available})
    return BadInputError(
        f"{field}: {name!r} matches no matrix; the model has: {', '.join(last_names) or 'none'}"
    )


def linear_modules(model: Module) -> dict[str, Module]:
    """The weight matrices inside the blocks by full name: all linear modules but the output head.

    Quantised matrices are linear modules too.
    """
    from torch.nn import Linear
    from transformers import PreTrainedModel
    from transformers.pytorch_utils import Conv1D

    assert isinstance(model, PreTrainedModel)  # noqa: S101 - narrows for mypy
    head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, (Linear, Conv1D)) and module is not head
    }


_ATTENTION = ("attn", "self_attn", "attention", "self_attention")
_MLP = ("mlp", "feed_forward", "ffn", "block_sparse_moe")
_BLOCK = r"^(?:.*\.)?(?:layers|h|blocks|block|layer)\.(\d+)\."
_BLOCK_PATTERN = re.compile(_BLOCK)
_ATTENTION_MODULE = re.compile(rf"{_BLOCK}(?:{'|'.join(_ATTENTION)})(?=\.)")
_MLP_MODULE = re.compile(rf"{_BLOCK}(?:{'|'.join(_MLP)})(?=\.)")


def in_attention(name: str) -> bool:
    """Whether a module belongs to an attention block."""
    return any(word in _ATTENTION for word in name.split("."))


def attention_and_mlp_modules(names: Iterable[str]) -> tuple[set[str], set[str]]:
    """The names of the attention modules and of the MLP modules of all layers.

    Args:
        names: Names of tensors, or of modules with a dot appended.
    """
    names = list(names)
    return (
        {match.group(0) for name in names if (match := _ATTENTION_MODULE.match(name))},
        {match.group(0) for name in names if (match := _MLP_MODULE.match(name))},
    )


def layer_index(name: str) -> int | None:
    """The layer that a tensor belongs to, counted from 0 at the input; None outside the layers."""
    match = _BLOCK_PATTERN.match(name)
    return int(match.group(1)) if match else None
