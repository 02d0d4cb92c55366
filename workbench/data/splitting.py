"""What is trained on, and what is kept away from training to test it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.data.duplicates import normalised_key
from workbench.data.formats import Example, Examples, to_examples
from workbench.data.reading import numbering, read_rows

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from workbench.recipe.data import DataFormat, DataSection


@dataclass(frozen=True)
class Split:
    """A dataset cut in two.

    Attributes:
        train: Rows to learn, in their order.
        heldout: Rows never learned; empty when none were given and none set aside.
        format: The dataset's format.
        empty: Numbers of the dataset's rows that were left out as empty.
    """

    train: tuple[Example, ...]
    heldout: tuple[Example, ...]
    format: str
    empty: tuple[int, ...]


def load_split(section: DataSection, seed: int) -> Split:
    """Read what a recipe names; held-out rows come from their own source or a seeded share.

    Raises:
        FtwbError: A source cannot be read, as told by ``read_rows`` and ``to_examples``.
    """
    dataset = load_examples(section.train, section.format, section.max_rows)
    if section.heldout is None:
        train, heldout = set_aside(dataset.rows, section.heldout_share, seed)
    else:
        train, heldout = dataset.rows, load_examples(section.heldout, section.format).rows
    return Split(train, heldout, dataset.format, dataset.empty)


def load_examples(
    source: str, data_format: DataFormat = "auto", max_rows: int | None = None
) -> Examples:
    """Read one source in one form.

    Raises:
        FtwbError: It cannot be read, as told by ``read_rows`` and ``to_examples``.
    """
    return to_examples(read_rows(source, max_rows), data_format, source, numbering(source))


def set_aside(
    examples: Sequence[Example], share: float, seed: int
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Set a share of the rows aside at random; rows that say the same stay on one side.

    The share is rounded down, so a dataset of a few rows keeps them all.
    """
    groups: dict[Hashable, list[Example]] = {}
    for example in examples:
        groups.setdefault(normalised_key(example), []).append(example)
    order = list(groups.values())
    random.Random(seed).shuffle(order)  # noqa: S311 - a fair draw, not a secret
    wanted = int(len(examples) * share)
    aside: set[int] = set()
    for group in order:
        if len(aside) + len(group) <= wanted:
            aside.update(example.number for example in group)
    train = tuple(example for example in examples if example.number not in aside)
    return train, tuple(example for example in examples if example.number in aside)
