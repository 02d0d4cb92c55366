"""Which rows are trained on, and which are held out to test the result."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.data.duplicates import normalised_key
from workbench.data.formats import Example, Examples, to_examples
from workbench.data.reading import iter_rows, row_unit

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from workbench.recipe.data import Column, DataFormat, DataSection


@dataclass(frozen=True)
class Split:
    """A dataset, split in two.

    Attributes:
        train: Rows to train on, in order.
        heldout: Rows that are never trained on; may be empty.
        format: The dataset's format.
        empty: Numbers of the dataset's rows that were dropped because they are blank.
    """

    train: Sequence[Example]
    heldout: Sequence[Example]
    format: str
    empty: tuple[int, ...]


def load_split(section: DataSection, seed: int) -> Split:
    """Read a recipe's data; held-out rows are from their own source or a random share.

    Args:
        section: The data section of a recipe.
        seed: Of the choice of held-out rows.

    Raises:
        FtwbError: A source cannot be read; see ``iter_rows`` and ``to_examples``.
    """
    dataset = load_train(section)
    train: Sequence[Example]
    heldout: Sequence[Example]
    if section.heldout is None:
        train, heldout = hold_out(dataset.rows, section.heldout_share, seed)
    else:
        train, heldout = dataset.rows, load_heldout(section, section.heldout).rows
    return Split(train, heldout, dataset.format, dataset.empty)


def load_train(section: DataSection) -> Examples:
    """Read the dataset of a recipe; raises as :func:`load_examples`."""
    return load_examples(
        section.train, section.format, section.max_rows, section.columns, section.max_dropped
    )


def load_heldout(section: DataSection, source: str) -> Examples:
    """Read the held-out rows of a recipe as its dataset is read."""
    return load_examples(
        source, section.format, columns=section.columns, max_dropped=section.max_dropped
    )


def load_examples(
    source: str,
    data_format: DataFormat = "auto",
    max_rows: int | None = None,
    columns: Mapping[Column, str] | None = None,
    max_dropped: float | None = None,
) -> Examples:
    """Read one source, or its first ``max_rows`` rows, as examples.

    Raises:
        FtwbError: The source cannot be read; see ``iter_rows`` and ``to_examples``.
    """
    rows = iter_rows(source, max_rows)
    return to_examples(rows, data_format, source, row_unit(source), columns, max_dropped)


def hold_out(
    examples: Sequence[Example], share: float, seed: int
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Hold out a random share of the rows; rows that say the same stay together.

    The share is rounded down, so that a dataset of a few rows keeps them all.

    Returns:
        The rows to train on and the held-out rows, both in order.
    """
    groups: dict[Hashable, list[Example]] = {}
    for example in examples:
        groups.setdefault(normalised_key(example), []).append(example)
    shuffled = list(groups.values())
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - not a secret
    limit = int(len(examples) * share)
    heldout: set[int] = set()
    for group in shuffled:
        if len(heldout) + len(group) <= limit:
            heldout.update(example.number for example in group)
    train = tuple(example for example in examples if example.number not in heldout)
    return train, tuple(example for example in examples if example.number in heldout)
