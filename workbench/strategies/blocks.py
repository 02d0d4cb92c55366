"""Where the parts of a model are, by the names that its tensors have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_BLOCK = r"^(?:.*\.)?(?:layers|h|blocks|block|layer)\.(\d+)\."
_ATTENTION = re.compile(_BLOCK + r"(?:self_attn|self_attention|attn|attention)(?=\.)")
_FEED_FORWARD = re.compile(_BLOCK + r"(?:mlp|feed_forward|ffn|block_sparse_moe)(?=\.)")
_LAYER = re.compile(_BLOCK)


def blocks_in(names: Iterable[str]) -> tuple[set[str], set[str]]:
    """Names of the attention and of the feed-forward modules of all layers.

    Args:
        names: Names of tensors, or of modules with a dot behind them.
    """
    every = list(names)
    return (
        {found.group(0) for name in every if (found := _ATTENTION.match(name))},
        {found.group(0) for name in every if (found := _FEED_FORWARD.match(name))},
    )


def layer_of(name: str) -> int | None:
    """The layer that a tensor belongs to, counted from 0 at the input; None outside the layers."""
    found = _LAYER.match(name)
    return int(found.group(1)) if found else None
