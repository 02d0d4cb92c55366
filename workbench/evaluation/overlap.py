"""Rows that a run learns from or protects, and on which its KL to the base is measured as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.core.errors import BadInputError
from workbench.data.duplicates import keys_of
from workbench.data.splitting import load_examples
from workbench.retention.base import GeneralProtection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workbench.data.formats import Example
    from workbench.recipe.recipe import Recipe


@dataclass(frozen=True)
class Overlap:
    """Rows of the general text that a source has as well; rows that ask the same are the same.

    Attributes:
        field: The recipe field that names the source.
        source: The source.
        shared: How many rows of the general text are among its rows.
        measured: Rows of the general text.
        complete: One of the two has no row that the other lacks.
    """

    field: str
    source: str
    shared: int
    measured: int
    complete: bool

    def __str__(self) -> str:
        if self.complete:
            return (
                f"{self.field}: {self.source} has the same rows as evaluation.general_text, and "
                "the KL to the base on rows that a run reads says nothing about what it forgets; "
                "choose other rows for one of them"
            )
        return (
            f"{self.field}: {self.shared:,} of the {self.measured:,} rows of "
            f"evaluation.general_text are in {self.source} too, so the KL to the base will look "
            "better than it is; take them out of one of the two"
        )


def overlaps(recipe: Recipe, train: Sequence[Example]) -> tuple[Overlap, ...]:
    """Compare everything that a run reads with the text on which its KL is measured.

    Sources are compared by what their rows ask, whatever they are called and wherever they are.

    Args:
        recipe: The run.
        train: The rows that it trains on.

    Raises:
        FtwbError: A source cannot be read.
    """
    if recipe.evaluation.general_text is None:
        return ()
    import numpy as np

    measured = keys_of(load_examples(recipe.evaluation.general_text).rows, "question")
    found = []
    for field, source, rows in _sources(recipe, train):
        read = keys_of(rows, "question")
        also_read = np.isin(measured, read)
        if shared := int(also_read.sum()):
            complete = bool(also_read.all() or np.isin(read, measured).all())
            found.append(Overlap(field, source, shared, len(measured), complete))
    return tuple(found)


def refuse_overlaps(recipe: Recipe, train: Sequence[Example]) -> tuple[str, ...]:
    """Refuse a run whose KL would be measured on what it reads; warn where only some rows are.

    Raises:
        BadInputError: A source has the same rows as the general text.
    """
    found = overlaps(recipe, train)
    for overlap in found:
        if overlap.complete:
            raise BadInputError(str(overlap))
    return tuple(map(str, found))


def _sources(
    recipe: Recipe, train: Sequence[Example]
) -> Iterator[tuple[str, str, Sequence[Example]]]:
    """Every source that a run reads: its field, its name and the rows that are read."""
    yield "data.train", recipe.data.train, train
    for kind, protection in recipe.retention.active().items():
        if isinstance(protection, GeneralProtection):
            rows = load_examples(protection.source).rows[: protection.rows]
            yield f"retention.{kind}.source", protection.source, rows
    for field, source in recipe.strategy.datasets().items():
        yield f"strategy.{field}", source, load_examples(source).rows
