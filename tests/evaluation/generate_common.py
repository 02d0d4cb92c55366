"""What the generators of probe items share: names, distractors, and the layout of an item."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.core import locations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from random import Random

LEVELS = (1, 2, 3)
"""Difficulties, the easiest first; the second part of an item's id."""
NAMES = (
    *("Abel", "Ada", "Alma", "Arno", "Bela", "Boris", "Cara", "Cleo", "Dana", "Derek", "Edda"),
    *("Egon", "Elsa", "Ezra", "Fritz", "Gwen", "Heidi", "Ilse", "Ivan", "Jana", "Joel", "Karin"),
    *("Klaus", "Lars", "Lotte", "Luis", "Maja", "Milan", "Nadja", "Noah", "Otto", "Petra"),
    *("Quinn", "Remy", "Rosa", "Selma", "Simon", "Tilda", "Tom", "Ulla", "Viktor", "Wanda"),
    *("Xenia", "Yusuf", "Zelda"),
)


@dataclass(frozen=True)
class Puzzle:
    """A question with one right answer and three wrong ones, all of them options."""

    prompt: str
    answer: str
    wrong: tuple[str, ...]


def handwritten(suite: str) -> list[dict[str, Any]]:
    """The items of a suite that no generator made: their ids are a letter and a number."""
    path = locations.presets() / "probes" / "suites" / f"{suite}.jsonl"
    items = map(json.loads, path.read_text("utf-8").splitlines())
    return [item for item in items if item["id"][1:].isdigit()]


def names(random: Random, count: int) -> list[str]:
    return random.sample(NAMES, count)


def listed(words: Sequence[str], conjunction: str = "and") -> str:
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"


def numbers_near(
    random: Random, answer: int, slips: Sequence[int], form: Callable[[int], str] = str
) -> tuple[str, ...]:
    """Three wrong numbers: results of likely slips, and others near by.

    The rank of the answer among the four is drawn first, so that its size gives nothing away.
    """
    below = random.randrange(4)
    spread = max(3, answer // 6)
    pools = (
        [slip for slip in slips if 0 <= slip < answer] + _draw(random, -spread, answer),
        [slip for slip in slips if slip > answer] + _draw(random, spread, answer),
    )
    below = min(below, len(set(pools[0])))
    wrong = [*list(dict.fromkeys(pools[0]))[:below], *list(dict.fromkeys(pools[1]))[: 3 - below]]
    return tuple(form(number) for number in wrong)


def _draw(random: Random, spread: int, answer: int) -> list[int]:
    offsets = random.sample(range(1, abs(spread) + 1), 3)
    numbers = [answer + (offset if spread > 0 else -offset) for offset in offsets]
    return [number for number in numbers if number >= 0]


class PositionDealer:
    """Deals the places of right options so that each size has them equally often.

    Args:
        random: Decides between places that are equally rare.
        items: Items whose places are counted from the start.
    """

    def __init__(self, random: Random, items: Sequence[dict[str, Any]]) -> None:
        self._random = random
        self._counts: dict[str, Counter[int]] = {}
        for item in items:
            place = item["options"].index(item["answers"][0])
            self._counts.setdefault(item["size"], Counter())[place] += 1

    def options(self, puzzle: Puzzle, size: str) -> list[str]:
        counts = self._counts.setdefault(size, Counter())
        fewest = min(counts[place] for place in range(4))
        place = self._random.choice([place for place in range(4) if counts[place] == fewest])
        counts[place] += 1
        options = self._random.sample(puzzle.wrong, 3)
        return [*options[:place], puzzle.answer, *options[place:]]


def write(items: Iterator[dict[str, Any]]) -> str:
    """JSON lines, as the suites are shipped."""
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
