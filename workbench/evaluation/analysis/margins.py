"""How large a loss is tolerated, by number of items: what so many can resolve."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import Literal

    from workbench.evaluation.suites.items import Size
    from workbench.recipe.limits import Limits

MARGINS: dict[Size | Literal["auto"], float] = {
    "quick": 0.1,
    "standard": 0.05,
    "full": 0.03,
    "auto": 0.05,
}
"""Tolerated loss over all items of knowledge and behaviour, at the size that was asked."""

_WIDEST = {"pooled": 0.1, "capability": 0.15}


class Margins(NamedTuple):
    """Tolerated losses, 0 to 1; None for what the number of items allows.

    Attributes:
        base: What the report's size tolerates over all items.
        pooled: Over all items.
        capability: For each capability.
    """

    base: float
    pooled: float | None = None
    capability: float | None = None

    @classmethod
    def of(cls, size: Size | Literal["", "auto"], limits: Limits) -> Margins:
        """The margins of a report."""
        return cls(MARGINS[size or "quick"], limits.pooled, limits.capability)

    def over_all(self, n: int) -> float:
        """Margin over ``n`` items together: that of the size, and ``1 / sqrt(n)`` for few items.

        With 5 % of the items changed by chance, ``1 / sqrt(n)`` is 4.5 standard errors. It is
        never above 10 points.
        """
        if self.pooled is not None:
            return self.pooled
        return max(self.base, min(_WIDEST["pooled"], 1 / math.sqrt(n)))

    def for_capability(self, n: int) -> float:
        """Margin of one capability of ``n`` items: ``1.5 / sqrt(n)``, 15 points at most.

        There are seven of them and all have to pass: at 4.5 standard errors each, one in five runs
        that lost nothing would fail to. It is never below the margin over all items.
        """
        if self.capability is not None:
            return self.capability
        return max(self.base, min(_WIDEST["capability"], 1.5 / math.sqrt(n)))
