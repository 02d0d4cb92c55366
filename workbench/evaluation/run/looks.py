"""Which items are asked at which look, with ``evaluation.size: auto``.

Each suite's items are in one order for good, so that runs on the same base ask the same items at
the same look and share the base's answers. Look k ends at the share ``LOOKS[k - 1]`` of a suite.
"""

from __future__ import annotations

import math
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, get_args

from workbench.evaluation.analysis.sequential import LOOKS
from workbench.evaluation.suites.items import Size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workbench.evaluation.suites.items import Item
    from workbench.evaluation.suites.suites import Suite

_SIZES: tuple[Size, ...] = get_args(Size)


def items_at_look(suite: Suite, look: int) -> Suite:
    """The suite with only the items that are new at ``look``, from 1; possibly none.

    A suite that is never judged is asked its quick items at the first look, and no more.
    """
    if suite.measures == "information":
        return _only(suite, suite.items_at("quick") if look == 1 else ())
    ordered = _ordered(suite.items)
    start = _count(suite, look - 1) if look > 1 else 0
    return _only(suite, ordered[start : _count(suite, look)])


def only_items(suite: Suite, ids: Iterable[str]) -> Suite:
    """The suite with only the items of these ids."""
    wanted = frozenset(ids)
    return _only(suite, (item for item in suite.items if item.id in wanted))


def _only(suite: Suite, items: Iterable[Item]) -> Suite:
    return suite.model_copy(update={"items": tuple(items)})


def _count(suite: Suite, look: int) -> int:
    return math.ceil(LOOKS[look - 1] * len(suite.items))


def _ordered(items: Iterable[Item]) -> list[Item]:
    """Quick items first, then standard, then full; within a size, clusters are spread evenly.

    1. Items of a size are grouped by cluster, those without one by subject.
    2. In a group of n, item i of a fixed shuffle is placed at (i + 1/2) / n.
    3. All items of the size are sorted by their places.
    """
    groups: dict[tuple[int, str], list[Item]] = defaultdict(list)
    for item in items:
        groups[_SIZES.index(item.size), item.cluster or f"field {item.field}"].append(item)
    places = [
        (size, (rank + 0.5) / len(group), _shuffled(item), item)
        for (size, _), group in groups.items()
        for rank, item in enumerate(sorted(group, key=_shuffled))
    ]
    return [item for *_, item in sorted(places, key=lambda place: place[:3])]


def _shuffled(item: Item) -> tuple[int, str]:
    """A sort key that is the same each time and has nothing to do with the item's difficulty."""
    return zlib.crc32(item.id.encode()), item.id
