"""Which weight matrices a strategy works on, chosen the same way from facts and from a model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

from workbench.core.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch.nn import Module

_ATTENTION = ("attn", "self_attn", "attention", "self_attention")
_PATTERN = "re:"


def _readable(wanted: str | tuple[str, ...]) -> str | tuple[str, ...]:
    for name in (wanted,) if isinstance(wanted, str) else wanted:
        if name.startswith(_PATTERN):
            try:
                re.compile(name.removeprefix(_PATTERN))
            except re.error as error:
                raise ValueError(f"{name!r} is no regular expression: {error}") from error
    return wanted


Names = Annotated[tuple[str, ...], AfterValidator(_readable)]
"""Ends of dotted names, such as ``q_proj``, or ``re:`` and a regular expression."""

AutoNames = Annotated[Literal["auto"] | tuple[str, ...], AfterValidator(_readable)]
"""Names, or the usual ones."""

Targets = Annotated[
    Literal["all-linear", "attention", "mlp"] | tuple[str, ...], AfterValidator(_readable)
]
"""A group of matrices, or names of them."""


def pick_targets(
    wanted: str | tuple[str, ...], linears: Iterable[str], field: str = "strategy.target_modules"
) -> set[str]:
    r"""Choose module names.

    Args:
        wanted: ``all-linear``, ``attention``, ``mlp``, last names such as ``q_proj``, or
            expressions such as ``re:layers\.[0-3]\.``.
        linears: Full module names of the weight matrices inside the blocks.
        field: The field that is to blame when nothing matches.

    Raises:
        BadInputError: Nothing matches; the message names what exists.
    """
    known = list(linears)
    if wanted == "all-linear":
        chosen = set(known)
    elif wanted in ("attention", "mlp"):
        chosen = {name for name in known if in_attention(name) == (wanted == "attention")}
    else:
        return pick_names((wanted,) if isinstance(wanted, str) else wanted, known, field)
    if not chosen:
        raise _no_match(wanted, known, field)
    return chosen


def pick_names(names: Iterable[str], known: Iterable[str], field: str) -> set[str]:
    """Choose from ``known`` what each of ``names`` matches.

    Raises:
        BadInputError: There are no names, or one of them matches nothing.
    """
    known = list(known)
    found = {name: {full for full in known if _matches(full, name)} for name in names}
    missing = [name for name, matches in found.items() if not matches]
    if missing or not found:
        raise _no_match(missing[0] if missing else "nothing", known, field)
    return set().union(*found.values())


def pick_parts(names: Iterable[str], tensors: Iterable[str], field: str) -> set[str]:
    """Choose the tensors whose dotted names contain each of ``names``.

    Raises:
        BadInputError: There are no names, or one of them matches nothing.
    """
    known = list(tensors)
    found = {name: {full for full in known if _contains(full, name)} for name in names}
    missing = [name for name, matches in found.items() if not matches]
    if missing or not found:
        wanted = missing[0] if missing else "nothing"
        raise BadInputError(
            f"{field}: {wanted!r} matches no tensor; the model has names such as "
            f"{', '.join(known[:3])}"
        )
    return set().union(*found.values())


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


def in_attention(name: str) -> bool:
    """Whether a module belongs to an attention block."""
    return any(word in _ATTENTION for word in name.split("."))


def _matches(full: str, name: str) -> bool:
    if name.startswith(_PATTERN):
        return re.search(name.removeprefix(_PATTERN), full) is not None
    return full == name or full.endswith(f".{name}")


def _contains(full: str, name: str) -> bool:
    return _matches(full, name) if name.startswith(_PATTERN) else f".{name}." in f".{full}."


def _no_match(wanted: object, known: Iterable[str], field: str) -> BadInputError:
    exist = ", ".join(sorted({name.rpartition(".")[2] for name in known})) or "none"
    return BadInputError(f"{field}: {wanted!r} matches no matrix; the model has: {exist}")
