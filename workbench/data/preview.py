"""What a dataset will be to a model, before anything is trained on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from workbench.data.duplicates import exact_key, normalised_key, repeats
from workbench.data.reading import numbering
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


class Shown(BaseModel):
    """A rendered row with learned and unlearned text told apart."""

    model_config = ConfigDict(frozen=True)

    number: int
    segments: tuple[Segment, ...]


class Preview(BaseModel):
    """A dataset at a glance; row numbers are lines or places in the source, from 1.

    Attributes:
        source: The dataset as it was named.
        unit: What row numbers count: ``line`` or ``row``.
        format: The format that was found or asked for.
        rows: Usable rows.
        unused: Fields kept beside the rows but never shown to the model.
        empty: Rows left out because their answer, question or text is blank.
        repeated: Rows that repeat an earlier one word for word.
        nearly_repeated: Further rows that differ from an earlier one only in case, spaces and
            sentence marks.
        sequence_length: Where rows are cut, in tokens.
        truncated: Rows that are longer.
        unlearnable: Rows without a token to learn once they are cut.
        lengths: Percentiles of the rows' lengths.
        tokens: All tokens after truncation.
        trained_tokens: Those that are learned.
        plain_template: The model has no chat template and a plain one stands in.
        example: The first row with something to learn.
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
    example: Shown


def preview(source: str, dataset: Examples, renderer: Renderer) -> Preview:
    """Render and count a whole dataset that was read from ``source``.

    Raises:
        BadInputError: The chat template refuses a row.
    """
    whole = renderer.render_whole(dataset.rows)
    cut = [row.cut(renderer.sequence_length) for row in whole]
    exact = repeats(dataset.rows, exact_key)
    normalised = repeats(dataset.rows, normalised_key)
    shown = next((i for i, row in enumerate(cut) if row.learns), 0)
    return Preview(
        source=source,
        unit=numbering(source),
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
        example=_shown(dataset.rows[shown], renderer),
    )


def _lengths(rows: Sequence[Rendered]) -> Lengths:
    ordered = sorted(len(row.input_ids) for row in rows)
    return Lengths(*(ordered[math.ceil(p / 100 * len(ordered)) - 1] for p in (50, 90, 95, 99, 100)))


def _numbers(examples: Sequence[Example], flags: Sequence[bool]) -> tuple[int, ...]:
    return tuple(example.number for example, flag in zip(examples, flags, strict=True) if flag)


def _shown(example: Example, renderer: Renderer) -> Shown:
    return Shown(number=example.number, segments=tuple(renderer.segments(example)))
