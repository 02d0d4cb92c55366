"""Makes the generated reasoning items: ``python -m tests.evaluation.generate_reasoning > FILE``.

The suite that is shipped is the handwritten items followed by these.
"""

from __future__ import annotations

import sys
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

from tests.evaluation.generate_common import (
    LEVELS,
    PositionDealer,
    Puzzle,
    handwritten,
    write,
)
from tests.evaluation.generate_reasoning_assignments import assignment
from tests.evaluation.generate_reasoning_deduction import (
    liars,
    order,
    overlapping_groups,
    syllogism,
)
from tests.evaluation.generate_reasoning_time import clocks, dates, plan
from tests.evaluation.generate_reasoning_tracking import programs, queues, swaps, walks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEED = 2027
PER_LEVEL = 5
"""Items of one kind and one level."""
MOST_RIGHT = 2
"""How many items of the suite may have the same right answer."""
KINDS: dict[str, Callable[[Random, int], Puzzle]] = {
    "order by clues": order,
    "overlapping groups": overlapping_groups,
    "syllogisms": syllogism,
    "assignments": assignment,
    "liars": liars,
    "plans": plan,
    "dates": dates,
    "clocks": clocks,
    "swaps": swaps,
    "walks": walks,
    "queues": queues,
    "programs": programs,
}


def generate() -> Iterator[dict[str, Any]]:
    """Every generated item, level by level and kind by kind; the same ones each time."""
    random = Random(SEED)  # noqa: S311 - puzzles, not secrets
    by_hand = handwritten("reasoning")
    dealer = PositionDealer(random, by_hand)
    used = Counter(item["answers"][0] for item in by_hand)
    prompts: set[str] = set()
    for level in LEVELS:
        for number, kind in enumerate(kind for kind in KINDS for _ in range(PER_LEVEL)):
            puzzle = _fresh(random, level, KINDS[kind], used, prompts)
            size = _size(level, number % PER_LEVEL)
            yield {
                "id": f"reasoning-{level}-{number + 1:03d}",
                "prompt": puzzle.prompt,
                "options": dealer.options(puzzle, size),
                "answers": [puzzle.answer],
                "field": kind,
                "cluster": kind,
                "size": size,
            }


def _fresh(
    random: Random,
    level: int,
    make: Callable[[Random, int], Puzzle],
    used: Counter[str],
    prompts: set[str],
) -> Puzzle:
    """A puzzle with a new prompt and an answer that was not right too often."""
    while True:
        puzzle = make(random, level)
        options = {puzzle.answer, *puzzle.wrong}
        fresh = puzzle.prompt not in prompts and used[puzzle.answer] < MOST_RIGHT
        if fresh and len(options) == 4:
            used[puzzle.answer] += 1
            prompts.add(puzzle.prompt)
            return puzzle


def _size(level: int, place: int) -> str:
    return "standard" if place == 0 or (level, place) == (2, 1) else "full"


if __name__ == "__main__":
    sys.stdout.write(write(generate()))
