"""What a model would learn from a dataset: counts, lengths, what is lost, and a rendered row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from workbench.core.errors import NotFoundError
from workbench.data.duplicates import keys_of, repeats
from workbench.data.grouping import group
from workbench.data.lost_rows import left_out
from workbench.data.pieces import shorten
from workbench.data.reading import row_unit
from workbench.data.rendering import IGNORE_INDEX, Segment
from workbench.data.rows import RowFault
from workbench.data.sampling import to_count
from workbench.data.tokenising import tokenise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import int64
    from numpy.typing import NDArray

    from workbench.data.formats import Example, Examples
    from workbench.data.rendering import Renderer
    from workbench.data.tokenising import Tokenised


@dataclass(frozen=True)
class Lengths:
    """Percentiles (nearest rank) of the rows' lengths before truncation, in tokens."""

    p50: int
    p90: int
    p95: int
    p99: int
    max: int


class RenderedRow(BaseModel):
    """A rendered row, as segments that are learned or only read.

    Attributes:
        number: The row.
        segments: Its text, cut as it is in training; of a text that is its first piece.
        input_ids: The tokens of that.
        labels: The ids of those that are learned, -100 for the others.
        notes: What is lost of it, in sentences.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    segments: tuple[Segment, ...]
    input_ids: tuple[int, ...] = ()
    labels: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def trained_tokens(self) -> int:
        """How many tokens are learned."""
        return len(self.labels) - self.labels.count(IGNORE_INDEX)


class Preview(BaseModel):
    """A dataset at a glance; rows are listed by their line or position in the source, from 1.

    Attributes:
        source: The dataset as it was named.
        unit: What row numbers count: ``line`` or ``row``.
        format: The format that was recognised or set.
        rows: The number of usable rows.
        unused: Fields that the model never sees.
        empty: Rows dropped because their text, answers or questions are blank.
        dropped: Rows dropped because they do not fit the format, or the template refuses them.
        repeated: Rows equal to an earlier one.
        nearly_repeated: Further rows that differ from an earlier one only in case, white space
            and punctuation.
        groups: Groups of rows that say nearly the same; each is held out as a whole, or not at all.
        groups_by_words: Groups are of near duplicates; otherwise there are so many rows that only
            those in ``repeated`` and ``nearly_repeated`` are grouped.
        sampled: Rows that were tokenised; fewer than ``rows`` where a random sample had to do. The
            fields below are of these rows, but for the two sums, which are estimates for all.
        exact: All rows were tokenised to their end, so that the sums are no estimates.
        sequence_length: Tokens that rows are cut to.
        truncated: Rows that are cut.
        divided: Texts that are cut into several pieces.
        unlearnable: Rows without a token to learn after they are cut.
        lengths: Percentiles of the rows' lengths; of conversations of megabytes a lower bound.
        tokens: All tokens after truncation, of rows that have something to learn.
        trained_tokens: The tokens among them that are learned.
        plain_template: The model has no chat template, so that a plain one is used.
        notes: What to know of how rows were rendered, with their numbers.
        example: The first row with a token to learn.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    unit: str
    format: str
    rows: int
    unused: tuple[str, ...]
    empty: tuple[int, ...]
    dropped: tuple[RowFault, ...]
    repeated: tuple[int, ...]
    nearly_repeated: tuple[int, ...]
    groups: int
    groups_by_words: bool
    sampled: int
    exact: bool
    sequence_length: int
    truncated: tuple[int, ...]
    divided: tuple[int, ...]
    unlearnable: tuple[int, ...]
    lengths: Lengths
    tokens: int
    trained_tokens: int
    plain_template: bool
    notes: dict[str, tuple[int, ...]]
    example: RenderedRow


def preview(source: str, dataset: Examples, renderer: Renderer, text_overlap: int = 0) -> Preview:
    """Count the rows of a dataset that was read from ``source``, and render one."""
    rows, scale, exact_counts = to_count(dataset.rows)
    done = tokenise(renderer, rows, text_overlap)
    losses = done.losses
    exact = repeats(dataset.rows, "exact")
    normalised = repeats(dataset.rows, "normalised")
    groups = group(dataset.rows)
    shown = rows[int(done.rows.places[0])] if len(done.rows) else rows[0]
    return Preview(
        source=source,
        unit=row_unit(source),
        format=dataset.format,
        rows=len(dataset.rows),
        unused=dataset.unused,
        empty=dataset.empty,
        dropped=tuple(sorted([*_unfit(dataset), *losses.refused])),
        repeated=exact,
        nearly_repeated=tuple(sorted(set(normalised) - set(exact))),
        groups=len(groups),
        groups_by_words=groups.by_words,
        sampled=len(rows),
        exact=exact_counts,
        sequence_length=renderer.sequence_length,
        truncated=tuple(sorted([*losses.cut, *losses.unlearnable])),
        divided=tuple(losses.divided),
        unlearnable=tuple(losses.unlearnable),
        lengths=_lengths(done.whole_lengths),
        tokens=round(scale * int(done.rows.lengths.sum())),
        trained_tokens=round(scale * int(done.rows.trained_tokens.sum())),
        plain_template=renderer.template.plain,
        notes={note: tuple(numbers) for note, numbers in losses.notes.items()},
        example=_rendered(shown, done, renderer),
    )


def preview_row(source: str, dataset: Examples, renderer: Renderer, number: int) -> RenderedRow:
    """One row as the model will see it, or why it will not.

    Args:
        source: What the dataset was read from.
        dataset: The dataset.
        renderer: Renders the row.
        number: The row's line or position.

    Raises:
        NotFoundError: There is no such row.
    """
    import numpy as np

    places = np.flatnonzero(keys_of(dataset.rows, "number") == number)
    if len(places):
        example = dataset.rows[int(places[0])]
        return _rendered(example, tokenise(renderer, [example]), renderer)
    reasons = tuple(fault.reason for fault in left_out(dataset) if fault.number == number)
    if not reasons:
        raise NotFoundError(f"{source}: has no row at {row_unit(source)} {number}")
    return RenderedRow(
        number=number, segments=(), notes=tuple(f"dropped: {reason}" for reason in reasons)
    )


def _rendered(example: Example, done: Tokenised, renderer: Renderer) -> RenderedRow:
    losses, length = done.losses, f"{renderer.sequence_length:,} tokens"
    refused = [fault.reason for fault in losses.refused if fault.number == example.number]
    if refused:
        return RenderedRow(
            number=example.number,
            segments=(),
            notes=tuple(f"dropped: {reason}" for reason in refused),
        )
    short = shorten(example, renderer.sequence_length)
    row = renderer.render(short)
    notes = list(row.notes)
    if example.number in losses.unlearnable:
        notes.append(f"dropped: nothing to learn within {length}")
    elif row.truncated and example.text is None:
        notes.append(f"cut at {length}")
    if example.number in losses.divided:
        notes.append(f"cut into several pieces of {length}, of which this is the first")
    return RenderedRow(
        number=example.number,
        segments=tuple(renderer.segments(short)),
        input_ids=tuple(row.input_ids),
        labels=tuple(row.labels),
        notes=tuple(notes),
    )


def _unfit(dataset: Examples) -> list[RowFault]:
    blank = set(dataset.empty)
    return [fault for fault in left_out(dataset) if fault.number not in blank]


def _lengths(lengths: NDArray[int64]) -> Lengths:
    ordered: Sequence[int] = sorted(lengths.tolist()) or [0]
    return Lengths(*(ordered[math.ceil(p / 100 * len(ordered)) - 1] for p in (50, 90, 95, 99, 100)))
