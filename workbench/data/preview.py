"""What a model would learn from a dataset: counts, lengths and a rendered row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from workbench.data.duplicates import repeats
from workbench.data.reading import row_unit
from workbench.data.rendering import Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.data.formats import Example, Examples
    from workbench.data.rendering import Rendered, Renderer


@dataclass(frozen=True)
class Lengths:
    """Percentiles (nearest rank) of the rows' lengths before truncation, in tokens."""

    p50: int
    p90: int
    p95: int
    p99: int
    max: int


class RenderedRow(BaseModel):
    """A rendered row, as segments that are learned or only read."""

    model_config = ConfigDict(frozen=True)

    number: int
    segments: tuple[Segment, ...]


class Preview(BaseModel):
    """A dataset at a glance; rows are listed by their line or position in the source, from 1.

    Attributes:
        source: The dataset as it was named.
        unit: What row numbers count: ``line`` or ``row``.
        format: The format that was recognised or set.
        rows: The number of usable rows.
        unused: Fields that the model never sees.
        empty: Rows dropped because their text, answers or questions are blank.
        repeated: Rows equal to an earlier one.
        nearly_repeated: Further rows that differ from an earlier one only in case, white space
            and punctuation.
        sequence_length: Tokens that rows are cut to.
        truncated: Rows that are cut.
        unlearnable: Rows without a token to learn after they are cut.
        lengths: Percentiles of the rows' lengths.
        tokens: All tokens after truncation.
        trained_tokens: The tokens among them that are learned.
        plain_template: The model has no chat template, so that a plain one is used.
        example: The first row with a token to learn.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    unit: str
    format: str
    rows: int
    unused: tuple[str, ...]
    empty: tuple[int, ...]
    repeated: tuple[int, ...]
    nearly_repeated: tuple[int, ...]
    sequence_length: int
    truncated: tuple[int, ...]
    unlearnable: tuple[int, ...]
    lengths: Lengths
    tokens: int
    trained_tokens: int
    plain_template: bool
    example: RenderedRow


def preview(source: str, dataset: Examples, renderer: Renderer) -> Preview:
    """Render and count all rows of a dataset that was read from ``source``.

    Raises:
        BadInputError: The chat template refuses a row.
    """
    whole = renderer.render_whole(dataset.rows)
    cut = [row.cut(renderer.sequence_length) for row in whole]
    exact = repeats(dataset.rows, "exact")
    normalised = repeats(dataset.rows, "normalised")
    example = dataset.rows[next((i for i, row in enumerate(cut) if row.learns), 0)]
    return Preview(
        source=source,
        unit=row_unit(source),
        format=dataset.format,
        rows=len(dataset.rows),
        unused=dataset.unused,
        empty=dataset.empty,
        repeated=exact,
        nearly_repeated=tuple(sorted(set(normalised) - set(exact))),
        sequence_length=renderer.sequence_length,
        truncated=_numbers(dataset.rows, [row.truncated for row in cut]),
        unlearnable=_numbers(dataset.rows, [not row.learns for row in cut]),
        lengths=_lengths(whole),
        tokens=sum(len(row.input_ids) for row in cut),
        trained_tokens=sum(row.trained_tokens for row in cut),
        plain_template=renderer.template.plain,
        example=RenderedRow(number=example.number, segments=tuple(renderer.segments(example))),
    )


def _lengths(rows: Sequence[Rendered]) -> Lengths:
    ordered = sorted(len(row.input_ids) for row in rows)
    return Lengths(*(ordered[math.ceil(p / 100 * len(ordered)) - 1] for p in (50, 90, 95, 99, 100)))


def _numbers(examples: Sequence[Example], flags: Sequence[bool]) -> tuple[int, ...]:
    return tuple(example.number for example, flag in zip(examples, flags, strict=True) if flag)
