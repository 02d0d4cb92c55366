"""Rows that choose a model are not the rows that the report is about.

Of many checkpoints or strengths, the one that happens to do best on some rows does better on them
than it will on others. Early stopping, rollback and the choice of the best strength therefore use
separate rows, always the same ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from workbench.data.storage import take

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.data.formats import Example
    from workbench.recipe.recipe import Recipe

_LEAST_HELDOUT = 30
"""Held-out rows from which on they are shared out."""

_LEAST_REPORTED = 8
"""Rows of general text that must be left for the report."""

_CHOOSERS = ("early_stopping", "budget")

OVERLAP = (
    "What chose the result saw rows that are also reported, because there are too few: the report "
    "may look slightly better than the model is"
)


class Shares(NamedTuple):
    """Held-out rows to choose by, and to report; the same ones where there are too few.

    Attributes:
        choosing: Every third row, or all.
        reported: The others, or all.
    """

    choosing: Sequence[Example]
    reported: Sequence[Example]

    @property
    def apart(self) -> bool:
        """Whether no row is in both."""
        return self.choosing is not self.reported


def share_out(rows: Sequence[Example]) -> Shares:
    """Every third held-out row chooses, the others are reported."""
    import numpy as np

    if len(rows) < _LEAST_HELDOUT:
        return Shares(rows, rows)
    places = np.arange(len(rows))
    return Shares(*(take(rows, places[chosen]) for chosen in (places % 3 == 2, places % 3 != 2)))


def watched_apart(rows: int, watched: int, wanted: int) -> bool:
    """Whether enough rows of general text are left when the watched ones are not reported.

    Args:
        rows: All that there are.
        watched: How many are watched.
        wanted: How many are reported where there are enough.
    """
    return rows - watched >= min(_LEAST_REPORTED, wanted)


def chooses(recipe: Recipe) -> bool:
    """Whether a protection chooses which weights a run ends with."""
    return any(kind in recipe.retention.active() for kind in _CHOOSERS)
