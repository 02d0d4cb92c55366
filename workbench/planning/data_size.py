"""How many rows and tokens an epoch has: guessed from characters, or counted on a sample."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from workbench.core.errors import BadInputError
from workbench.data.lost_rows import describe_dataset, describe_losses, require_consent
from workbench.data.mixture import Mixture, epoch_rates
from workbench.data.pieces import size
from workbench.data.sampling import sample, to_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workbench.data.formats import Example
    from workbench.data.rendering import Renderer
    from workbench.data.splitting import SourceSplit, Split
    from workbench.recipe.recipe import Recipe

_GUESSED_FROM = 500
"""Rows of a dataset that are looked at for a guess."""

_CHARACTERS_PER_TOKEN = 4


class DatasetSize(NamedTuple):
    """One dataset, each row once.

    Attributes:
        rows: Rows to learn; pieces, where texts are cut into several.
        tokens: All tokens of them.
        trained_tokens: Those of them that have a loss.
    """

    rows: float
    tokens: float
    trained_tokens: float


class EpochSize(NamedTuple):
    """An epoch of all datasets, with their shares.

    Attributes:
        rows: Rows.
        tokens: All tokens of them.
        trained_tokens: Those of them that have a loss.
        notes: What is lost of the datasets, and what is not exact, in sentences.
    """

    rows: int
    tokens: int
    trained_tokens: int
    notes: tuple[str, ...]


def guess_epoch(recipe: Recipe, split: Split) -> EpochSize:
    """Guess the size of an epoch from the characters of some rows, without a tokenizer."""
    length = recipe.training.sequence_length
    sizes = [_guess(part.train, length) for part in split.sources]
    notes = [note for part in split.sources for note in describe_dataset(part, _labels(recipe))]
    epoch = _epoch(recipe, split, sizes, notes)
    if epoch.rows == len(split.train):
        return epoch
    guess = f"about {epoch.rows:,} rows in an epoch, guessed from characters"
    return epoch._replace(notes=(*epoch.notes, f"{guess}; 'ftwb estimate' counts tokens"))


def count_epoch(recipe: Recipe, split: Split, renderer: Renderer) -> EpochSize:
    """Count an epoch in tokens, those of a large dataset on a random sample of its rows.

    Raises:
        BadInputError: More rows are lost than the recipe allows, or nothing is left to learn.
    """
    sizes: list[DatasetSize] = []
    notes: list[str] = []
    for part in split.sources:
        notes += describe_dataset(part, _labels(recipe))
        counted, told = _count(recipe, part, renderer)
        notes += told
        sizes.append(counted)
    if not any(dataset.rows for dataset in sizes):
        raise BadInputError(
            f"no row has a token to learn: every answer is cut off at {renderer.sequence_length} "
            "tokens; raise training.sequence_length"
        )
    return _epoch(recipe, split, sizes, notes)


def _count(
    recipe: Recipe, part: SourceSplit, renderer: Renderer
) -> tuple[DatasetSize, Sequence[str]]:
    """The size of a dataset, and what is lost of it."""
    from workbench.data.tokenising import tokenise

    rows, scale, exact = to_count(part.train)
    done = tokenise(renderer, rows, recipe.data.text_overlap)
    length = renderer.sequence_length
    if len(done.rows):
        require_consent(part, done.losses, len(rows), length, recipe.data.max_dropped)
    notes = list(describe_losses(part, done.losses, len(rows), length))
    if len(rows) < len(part.train):
        notes.append(
            f"{part.source.name}: tokens are estimated from a random sample of {len(rows):,} of "
            f"{len(part.train):,} rows"
        )
    elif not exact:
        notes.append(f"{part.source.name}: tokens are estimated from the beginnings of its texts")
    totals = (len(done.rows), done.rows.lengths.sum(), done.rows.trained_tokens.sum())
    return DatasetSize(*(float(total) * scale for total in totals)), notes


def _guess(train: Sequence[Example], length: int) -> DatasetSize:
    rows = sample(train, _GUESSED_FROM)
    if not rows:
        return DatasetSize(0, 0, 0)
    scale = len(train) / len(rows)
    tokens = sum(size(row) for row in rows) / _CHARACTERS_PER_TOKEN
    pieces = sum(map(_pieces, rows, [length] * len(rows)))
    learned = sum(_learned_characters(row) for row in rows) / _CHARACTERS_PER_TOKEN
    return DatasetSize(pieces * scale, tokens * scale, learned * scale)


def _pieces(row: Example, length: int) -> int:
    return max(1, math.ceil(len(row.text or "") / _CHARACTERS_PER_TOKEN / length))


def _learned_characters(row: Example) -> int:
    answers = (message.content for message in row.messages if message.role == "assistant")
    return len(row.text or "") + sum(map(len, answers))


def _epoch(
    recipe: Recipe, split: Split, sizes: Sequence[DatasetSize], notes: Sequence[str]
) -> EpochSize:
    """Mix datasets by their shares."""
    shares = [part.source.share for part in split.sources]
    rates = epoch_rates([dataset.trained_tokens for dataset in sizes], shares)
    counts = [round(dataset.rows) for dataset in sizes]
    return EpochSize(
        rows=len(Mixture(counts, rates, recipe.training.seed)),
        tokens=_sum(rates, [dataset.tokens for dataset in sizes]),
        trained_tokens=_sum(rates, [dataset.trained_tokens for dataset in sizes]),
        notes=tuple(notes),
    )


def _sum(rates: Sequence[float], numbers: Sequence[float]) -> int:
    return round(sum(rate * number for rate, number in zip(rates, numbers, strict=True)))


def _labels(recipe: Recipe) -> Iterator[str]:
    """Fields of the rows that are compared with answers."""
    yield recipe.evaluation.target_field or ""
