"""Which rows are trained on, and which are held out to test the result."""

from __future__ import annotations

import random
from dataclasses import dataclass
from operator import le, sub
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workbench.data import storage
from workbench.data.formats import Example, Examples, ExampleStream
from workbench.data.grouping import group
from workbench.data.reading import iter_rows, row_unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy import bool_, int64
    from numpy.typing import NDArray

    from workbench.recipe.columns import Column
    from workbench.recipe.data import DataFormat, DataSection
    from workbench.recipe.sources import TrainSource


@dataclass(frozen=True)
class SourceSplit:
    """One of the datasets of a recipe, split in two.

    Attributes:
        source: The dataset as the recipe names it.
        dataset: All of its usable rows, and what was left out.
        train: Rows to train on, in order.
        heldout: Rows of it that are held out; empty where the recipe names others.
        groups: Groups of near duplicates that the rows were held out by; 0 where none were.
    """

    source: TrainSource
    dataset: Examples
    train: Sequence[Example]
    heldout: Sequence[Example] = ()
    groups: int = 0

    @property
    def unit(self) -> str:
        """What the numbers of its rows count."""
        return row_unit(self.source.name)


@dataclass(frozen=True)
class Split:
    """The data of a run, split in two.

    Attributes:
        train: Rows to train on: those of all sources, in order.
        heldout: Rows that are never trained on; may be empty. Those of several datasets are mixed.
        format: The dataset's format.
        empty: Numbers of the dataset's rows that were dropped because they are blank.
        sources: The datasets that the rows are from.
    """

    train: Sequence[Example]
    heldout: Sequence[Example]
    format: str
    empty: tuple[int, ...]
    sources: tuple[SourceSplit, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Short names of the datasets, all different; empty where there is only one."""
        if len(self.sources) == 1:
            return ()
        stems = [Path(source.source.path).stem for source in self.sources]
        return tuple(
            stem if stems.count(stem) == 1 else f"{stem}_{number}"
            for number, stem in enumerate(stems, 1)
        )


def load_split(section: DataSection, seed: int) -> Split:
    """Read a recipe's data; held-out rows are from their own source or a random share of each.

    Args:
        section: The data section of a recipe.
        seed: Of the choice of held-out rows.

    Raises:
        FtwbError: A source cannot be read; see ``iter_rows`` and ``to_examples``.
    """
    share = section.heldout_share if section.heldout is None else 0.0
    datasets = [load_source(section, source) for source in section.sources]
    parts = hold_out_of_each([dataset.rows for dataset in datasets], share, seed)
    sources = tuple(
        SourceSplit(source, dataset, *part)
        for source, dataset, part in zip(section.sources, datasets, parts, strict=True)
    )
    if section.heldout is None:
        heldout = _mixed(storage.join([source.heldout for source in sources]), len(sources), seed)
    else:
        heldout = load_heldout(section, section.heldout).rows
    return Split(
        train=storage.join([source.train for source in sources]),
        heldout=heldout,
        format=", ".join(dict.fromkeys(source.dataset.format for source in sources)),
        empty=tuple(number for source in sources for number in source.dataset.empty),
        sources=sources,
    )


def load_source(section: DataSection, source: TrainSource) -> Examples:
    """Read one of the datasets of a recipe; raises as :func:`load_examples`."""
    return load_examples(
        source.name,
        section.format,
        source.max_rows or section.max_rows,
        source.columns or section.columns,
        section.max_dropped,
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

    Those of a large file are kept on disk, and read there; see :mod:`workbench.data.storage`.

    Raises:
        FtwbError: The source cannot be read; see ``iter_rows`` and ``to_examples``.
    """

    def read(keep: storage.Keep) -> Examples:
        rows = iter_rows(source, max_rows)
        stream = ExampleStream(rows, data_format, source, row_unit(source), columns, max_dropped)
        return stream.summary(keep(stream))

    path = Path(source).expanduser()
    if not path.is_file() or path.stat().st_size < storage.LARGE_FILE:
        return read(storage.keep_for_now)
    settings = (data_format, max_rows, dict(columns or {}), max_dropped)
    return storage.stored(storage.content_key(path, *settings), read)


def _mixed(heldout: Sequence[Example], datasets: int, seed: int) -> Sequence[Example]:
    """Held-out rows of several datasets in random order, so that the first ones are of all."""
    import numpy as np

    if datasets == 1:
        return heldout
    return storage.take(heldout, np.random.default_rng(seed).permutation(len(heldout)))


class HeldOut(NamedTuple):
    """Rows to train on, held-out rows, and the groups that they were chosen by."""

    train: Sequence[Example]
    heldout: Sequence[Example]
    groups: int


def hold_out(examples: Sequence[Example], share: float, seed: int) -> HeldOut:
    """Hold out a random share of the rows; rows that say nearly the same stay together.

    The share is rounded down, so that a dataset of a few rows keeps them all.

    Returns:
        The rows to train on and the held-out rows, both in order; and by how many groups they were
        held out.
    """
    return hold_out_of_each([examples], share, seed)[0]


def hold_out_of_each(
    datasets: Sequence[Sequence[Example]], share: float, seed: int
) -> list[HeldOut]:
    """Hold out as :func:`hold_out` of every dataset; groups may have rows of several of them."""
    import numpy as np

    limits = [int(len(examples) * share) for examples in datasets]
    if not any(limits):
        return [HeldOut(examples, (), 0) for examples in datasets]
    of_row = group(storage.join(datasets)).of_row
    parts = np.split(of_row, np.cumsum([len(examples) for examples in datasets])[:-1])
    groups = int(of_row.max()) + 1
    sizes = np.stack([np.bincount(part, minlength=groups) for part in parts], axis=1)
    chosen = _draw(sizes, limits, seed)
    return [
        HeldOut(
            storage.take(examples, np.flatnonzero(~chosen[part])),
            storage.take(examples, np.flatnonzero(chosen[part])),
            len(np.unique(part)),
        )
        for examples, part in zip(datasets, parts, strict=True)
    ]


def _draw(sizes: NDArray[int64], limits: Sequence[int], seed: int) -> NDArray[bool_]:
    """Choose random groups, of each dataset together at most as many rows as its limit.

    Args:
        sizes: Rows of each group, ``[groups, datasets]``.
        limits: Of each dataset.
        seed: Of the choice.

    Returns:
        Which groups are chosen, ``[groups]``.
    """
    import numpy as np

    rows = sizes.tolist()
    order = list(range(len(rows)))
    random.Random(seed).shuffle(order)  # noqa: S311 - not a secret
    chosen = np.zeros(len(rows), dtype=bool)
    left = list(limits)
    for number in order:
        if all(map(le, rows[number], left)):
            chosen[number] = True
            left = list(map(sub, left, rows[number]))
    return chosen
