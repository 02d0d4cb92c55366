"""Large datasets in tokens, kept on disk by what they say, the tokenizer and the template."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from workbench import __version__
from workbench.core import locations
from workbench.core.store import build_once, prune
from workbench.data.pieces import PART, size
from workbench.data.storage import LazyExamples
from workbench.data.tokenising import open_tokenised, tokenise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from transformers import PreTrainedTokenizerBase

    from workbench.data.formats import Example
    from workbench.data.rendering import Renderer
    from workbench.data.tokenising import Tokenised

TOKENS_VERSION = 1
"""Part of every key: raise it when rows are rendered, labelled, cut or stored in another way."""

_KEPT = 8
"""Datasets in the cache; beyond that, those that were not used for longest are deleted."""
_PROBED = 32
"""Rows whose tokens are part of the key, so that no setting of the renderer can be missed."""


def tokenise_cached(
    renderer: Renderer,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    text_overlap: int,
    report: Callable[[int], object],
) -> Tokenised:
    """Tokenise a dataset; one that is large enough to be on disk, once for all runs.

    Args:
        renderer: Renders the rows.
        tokenizer: The renderer's.
        examples: The dataset.
        text_overlap: As in :func:`workbench.data.tokenising.tokenise`.
        report: Called with the number of rows done so far.

    Raises:
        MachineError: The cache is not writable.
    """
    if not isinstance(examples, LazyExamples):
        return tokenise(renderer, examples, text_overlap, report=report)

    def build(folder: Path) -> None:
        tokenise(renderer, examples, text_overlap, folder, report)

    cache = locations.cache() / "tokens"
    folder = build_once(cache / _key(renderer, tokenizer, examples, text_overlap), build)
    prune(cache, folder, _KEPT)
    return open_tokenised(folder)


def _key(
    renderer: Renderer,
    tokenizer: PreTrainedTokenizerBase,
    examples: LazyExamples,
    text_overlap: int,
) -> str:
    """A name for the tokens of a dataset: of its rows, and all that decides how they are read."""
    short = [example for example in examples[:_PROBED] if size(example) <= PART]
    probe = tokenise(renderer, short, text_overlap).rows
    settings = json.dumps(
        [
            *(TOKENS_VERSION, __version__, renderer.sequence_length, text_overlap),
            tokenizer.backend_tokenizer.to_str(),
            renderer.template.source,
            repr(renderer.settings),
            [(row.input_ids, row.labels) for row in probe],
        ]
    )
    digest = hashlib.sha256(settings.encode("utf-8", "surrogatepass"))
    for name in ("number", "exact"):
        digest.update(examples.keys(name).tobytes())
    return digest.hexdigest()[:32]
