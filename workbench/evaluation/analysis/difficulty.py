"""Suites with several difficulties: which of them tell whether something was lost.

What the base hardly ever gets right it cannot lose, and what it always gets right it loses last.
The choice looks at the base alone, so that it says nothing about the result.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from workbench.evaluation.analysis import statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.suites.items import ItemResult

_LEVEL = re.compile(r"-(\d)-\d+\Z")
"""The difficulty in the id of an item, as in ``deduction-3-017``."""

_FLOOR, _CEILING = 0.1, 0.95
"""Chance-corrected scores of a base that knows hardly anything, and nearly everything."""

_FEWEST = 12
"""Items that tell floor and ceiling from chance."""


def uninformative_levels(base: Sequence[ItemResult], chance: float) -> tuple[str, ...]:
    """The difficulties at which the base is at the floor or at the ceiling.

    Args:
        base: Results of the base on the items of one suite.
        chance: Expected score of random guessing, 0 to 1.

    Returns:
        Difficulties, sorted; none where no other difficulty would be left, or where the suite has
        only one.
    """
    levels: dict[str, list[float]] = {}
    for item in base:
        if level := level_of(item):
            levels.setdefault(level, []).append(item.score)
    extreme = sorted(level for level, scores in levels.items() if _is_extreme(scores, chance))
    return tuple(extreme) if len(extreme) < len(levels) else ()


def level_of(item: ItemResult) -> str:
    """The difficulty of an item, a digit; empty where it has none."""
    match = _LEVEL.search(item.id)
    return match[1] if match else ""


def _is_extreme(scores: Sequence[float], chance: float) -> bool:
    if len(scores) < _FEWEST:
        return False
    known = statistics.chance_corrected(math.fsum(scores) / len(scores), chance)
    return not _FLOOR <= known <= _CEILING
