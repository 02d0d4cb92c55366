"""The rows that a run learns, in tokens, with a notice of all that is lost on the way."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.data.lost_rows import describe_dataset, describe_losses, require_consent
from workbench.data.token_cache import tokenise_cached
from workbench.data.training_rows import TrainingRows

if TYPE_CHECKING:
    from workbench.core.progress import ProgressCallback
    from workbench.data.splitting import SourceSplit
    from workbench.data.tokenising import Tokenised
    from workbench.models.loaded_base import LoadedBase
    from workbench.training.reporting.reporter import Reporter

_PHASE = "tokenising the data"


def tokenise_data(loaded: LoadedBase, reporter: Reporter) -> TrainingRows:
    """Tokenise the training rows of every dataset of a run.

    Args:
        loaded: The run's base, with its data.
        reporter: Shows progress and takes a notice of what is lost.

    Raises:
        BadInputError: No row has anything to learn, or more are lost than the recipe allows.
    """
    recipe, sources = loaded.recipe, loaded.split.sources
    length = recipe.training.sequence_length
    reporter.phase(_PHASE)
    datasets = [_tokenise(loaded, part, partial(reporter.phase, _PHASE)) for part in sources]
    if not any(len(dataset.rows) or dataset.losses.refused for dataset in datasets):
        raise BadInputError(
            f"no row has a token to learn: every answer is cut off at {length} tokens; raise "
            "training.sequence_length"
        )
    labels = [recipe.evaluation.target_field or ""]
    for part, dataset in zip(sources, datasets, strict=True):
        require_consent(part, dataset.losses, len(part.train), length, recipe.data.max_dropped)
        for text in describe_dataset(part, labels):
            reporter.notice(text, level="warning")
        for text in describe_losses(part, dataset.losses, len(part.train), length):
            reporter.notice(text, level="warning")
    if not any(len(dataset.rows) for dataset in datasets):
        raise BadInputError(f"{recipe.data.train}: no row is left to train on")
    return TrainingRows(
        [dataset.rows for dataset in datasets],
        [part.source.share for part in sources],
        recipe.training.seed,
        loaded.split.names,
    )


def _tokenise(loaded: LoadedBase, part: SourceSplit, report: ProgressCallback) -> Tokenised:
    total = len(part.train)
    return tokenise_cached(
        loaded.renderer,
        loaded.tokenizer,
        part.train,
        loaded.recipe.data.text_overlap,
        lambda rows: report(part.source.name, rows, total),
    )
