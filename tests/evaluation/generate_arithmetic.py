"""Writes the arithmetic suite: ``python -m tests.evaluation.generate_arithmetic > FILE``."""

from __future__ import annotations

import json
import sys
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEED = 2026
REACH = (10, 15, 20, 30, 50, 75, 100)
"""Numbers of a field's items go up to these, the easiest first."""
NAMES = ("Aisha", "Bruno", "Chloe", "Dmitri", "Elif", "Farid", "Greta", "Hugo")
THINGS = ("shells", "stamps", "pencils", "cards", "beads", "plums", "buttons", "postcards")


def addition(random: Random, reach: int) -> tuple[str, int]:
    first, second = random.randint(2, reach), random.randint(2, reach)
    return f"What is {first} + {second}?", first + second


def subtraction(random: Random, reach: int) -> tuple[str, int]:
    small, large = sorted(random.sample(range(2, reach + 1), 2))
    return f"What is {large} - {small}?", large - small


def multiplication(random: Random, reach: int) -> tuple[str, int]:
    first, second = _factors(random, reach)
    return f"What is {first} times {second}?", first * second


def division(random: Random, reach: int) -> tuple[str, int]:
    first, second = _factors(random, reach)
    return f"What is {first * second} divided by {first}?", second


def half(random: Random, reach: int) -> tuple[str, int]:
    number = random.randint(2, reach)
    return f"What is half of {2 * number}?", number


def largest(random: Random, reach: int) -> tuple[str, int]:
    numbers = random.sample(range(1, 2 * reach), 4)
    if numbers[-1] == max(numbers):  # whoever repeats the row would be right
        numbers.reverse()
    listed = ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"
    return f"Which is the largest of the numbers {listed}?", max(numbers)


def sequence(random: Random, reach: int) -> tuple[str, int]:
    start, step = random.randint(1, reach), random.randint(2, reach // 4 + 3)
    listed = ", ".join(str(start + step * place) for place in range(4))
    return f"Which number comes next in the row {listed}?", start + 4 * step


def gains(random: Random, reach: int) -> tuple[str, int]:
    first, second = random.randint(2, reach), random.randint(2, reach)
    name, things = random.choice(NAMES), random.choice(THINGS)
    text = f"{name} has {first} {things} and gets {second} more. How many {things} are there now?"
    return text, first + second


def losses(random: Random, reach: int) -> tuple[str, int]:
    small, large = sorted(random.sample(range(2, reach + 1), 2))
    name, things = random.choice(NAMES), random.choice(THINGS)
    text = f"{name} had {large} {things} and lost {small} of them. How many {things} remain?"
    return text, large - small


def groups(random: Random, reach: int) -> tuple[str, int]:
    first, second = _factors(random, reach)
    things = random.choice(THINGS)
    text = f"There are {first} boxes with {second} {things} in each. How many {things} are there?"
    return text, first * second


FIELDS: tuple[Callable[[Random, int], tuple[str, int]], ...] = (
    *(addition, subtraction, multiplication, division, half),
    *(largest, sequence, gains, losses, groups),
)


def generate() -> Iterator[dict[str, Any]]:
    """Every item of the suite, field by field; the same ones each time."""
    random = Random(SEED)  # noqa: S311 - sums, not secrets
    asked: set[str] = set()
    for field in FIELDS:
        for place, reach in enumerate(REACH):
            text, answer = field(random, reach)
            while text in asked:
                text, answer = field(random, reach)
            asked.add(text)
            yield {
                "id": f"{field.__name__}-{place + 1}",
                "prompt": f"{text} Answer with the number only.",
                "answers": [str(answer)],
                "field": field.__name__,
                "cluster": field.__name__,
                "size": _size(place),
            }


def _factors(random: Random, reach: int) -> tuple[int, int]:
    most = reach // 10 + 4
    return random.randint(2, most), random.randint(2, most)


def _size(place: int) -> str:
    if place == 0:
        return "quick"
    return "standard" if REACH[place] <= 30 else "full"


if __name__ == "__main__":
    sys.stdout.writelines(json.dumps(item) + "\n" for item in generate())
