"""Which rows are trained on, and which are held out to test the result."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.data import storage
from workbench.data.formats import Example, Examples, to_examples
from workbench.data.grouping import group
from workbench.data.reading import read_rows, row_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import bool_, int64
    from numpy.typing import NDArray

    from workbench.recipe.data import DataFormat, DataSection


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
        FtwbError: A source cannot be read; see ``read_rows`` and ``to_examples``.
    """
    dataset = load_examples(section.train, section.format, section.max_rows)
    if section.heldout is None:
        train, heldout = hold_out(dataset.rows, section.heldout_share, seed)
    else:
        train, heldout = dataset.rows, load_examples(section.heldout, section.format).rows
    return Split(train, heldout, dataset.format, dataset.empty)


def load_examples(
    source: str, data_format: DataFormat = "auto", max_rows: int | None = None
) -> Examples:
    """Read one source, or its first ``max_rows`` rows, as examples.

    Those of a large file are kept on disk, and read there; see :mod:`workbench.data.storage`.

    Raises:
        FtwbError: The source cannot be read; see ``read_rows`` and ``to_examples``.
    """

    def read() -> Examples:
        return to_examples(read_rows(source, max_rows), data_format, source, row_unit(source))

    path = Path(source).expanduser()
    if not path.is_file() or path.stat().st_size < storage.LARGE_FILE:
        return read()
    return storage.stored(storage.content_key(path, data_format, max_rows), read)


def hold_out(
    examples: Sequence[Example], share: float, seed: int
) -> tuple[Sequence[Example], Sequence[Example]]:
    """Hold out a random share of the rows; rows that say nearly the same stay together.

    The share is rounded down, so that a dataset of a few rows keeps them all.

    Returns:
        The rows to train on and the held-out rows, both in order.
    """
    import numpy as np

    limit = int(len(examples) * share)
    if not limit:
        return examples, ()
    of_row = group(examples).of_row
    chosen = _draw(np.bincount(of_row), limit, seed)[of_row]
    train, heldout = np.flatnonzero(~chosen), np.flatnonzero(chosen)
    return storage.take(examples, train), storage.take(examples, heldout)


def _draw(sizes: NDArray[int64], limit: int, seed: int) -> NDArray[bool_]:
    """Choose random groups of together at most ``limit`` rows, ``[groups]``."""
    import numpy as np

    order = list(range(len(sizes)))
    random.Random(seed).shuffle(order)  # noqa: S311 - not a secret
    chosen = np.zeros(len(sizes), dtype=bool)
    left = limit
    for number in order:
        if sizes[number] <= left:
            chosen[number] = True
            left -= int(sizes[number])
    return chosen
