"""Makes the arithmetic items of several difficulties.

``python -m tests.evaluation.generate_arithmetic_steps > FILE``. The suite that is shipped is the
short sums of :mod:`generate_arithmetic` followed by these.
"""

from __future__ import annotations

import re
import sys
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING, Any

from tests.evaluation.generate_common import LEVELS, NAMES, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEED = 2028
WARES = ("pens", "caps", "mugs", "rugs", "toys", "lamps", "scarves", "plates", "brushes")
PER_LEVEL = 3
"""Items of one kind and one level."""
_ALOUD = "Work it out step by step and end with the result."
ENDINGS = {1: "Answer with the number only.", 2: _ALOUD, 3: _ALOUD}
"""How a level asks for the answer."""
NEW_TOKENS: dict[int, dict[str, int]] = {1: {}, 2: {"new_tokens": 96}, 3: {"new_tokens": 192}}
"""Room for working out aloud; the suite's own limit is enough for a number."""
Sum = tuple[str, int]
"""A question and its answer."""


def additions(random: Random, level: int) -> Sum:
    digits, count = {1: (3, 2), 2: (4, 3), 3: (6, 4)}[level]
    terms = [_number(random, digits) for _ in range(count)]
    return f"What is {' + '.join(map(str, terms))}?", sum(terms)


def differences(random: Random, level: int) -> Sum:
    digits = {1: 3, 2: 5, 3: 7}[level]
    small, large = sorted(_number(random, digits) for _ in range(2))
    if level < 3:
        return f"What is {large} - {small}?", large - small
    less = _number(random, 4)
    return f"What is {large} - {small} - {less}?", large - small - less


def products(random: Random, level: int) -> Sum:
    first, second = {1: (2, 1), 2: (2, 2), 3: (3, 3)}[level]
    a, b = _number(random, first), max(3, _number(random, second))
    return f"What is {a} * {b}?", a * b


def quotients(random: Random, level: int) -> Sum:
    digits = {1: (2, 1), 2: (3, 1), 3: (3, 2)}[level]
    quotient, divisor = _number(random, digits[0]), max(3, _number(random, digits[1]))
    return f"What is {quotient * divisor} / {divisor}?", quotient


def expressions(random: Random, level: int) -> Sum:
    a, b, c, d = (random.randint(3, 9 + 10 * (level > 1)) for _ in range(4))
    if level == 1:
        return f"What is ({a} + {b}) * {c}?", (a + b) * c
    if level == 2:
        return f"What is {a} * {b} - {c} * {d}?", a * b - c * d
    e, f = random.randint(3, 19), random.randint(3, 19)
    text = f"What is ({a} + {b}) * ({c} - {d}) + {e} * {f}?"
    return text, (a + b) * (c - d) + e * f


def powers(random: Random, level: int) -> Sum:
    base, exponent = {
        1: (random.randint(11, 19), 2),
        2: (random.randint(23, 69), 2),
        3: (random.randint(12, 29), 3),
    }[level]
    return f"What is {base} to the power of {exponent}?", base**exponent


def remainders(random: Random, level: int) -> Sum:
    number = _number(random, level + 1)
    divisor = {1: random.randint(4, 9), 2: random.randint(6, 12), 3: random.randint(13, 29)}[level]
    return f"What is the remainder when {number} is divided by {divisor}?", number % divisor


def fractions(random: Random, level: int) -> Sum:
    parts = [_proper(random) for _ in range(level)]
    whole = random.randint(2, 9)
    for part in parts:
        whole *= part.denominator
    answer = Fraction(whole)
    for part in parts:
        answer *= part
    words = " of ".join(f"{part.numerator}/{part.denominator}" for part in parts)
    return f"What is {words} of {whole}?", int(answer)


def percentages(random: Random, level: int) -> Sum:
    price = random.randrange(40, 400, 20) * (1, 1, 5)[level - 1]
    first, second = random.sample((10, 20, 25, 30, 40, 50), 2)
    if level == 1:
        return f"How much is {first} percent of {price * 10}?", first * price // 10
    if level == 2:
        up = random.random() < 0.5
        change = "raised" if up else "cut"
        answer = price * (100 + (first if up else -first))
        text = f"A price of {price * 100} cents is {change} by {first} percent. "
        return f"{text}How many cents is it now?", answer
    text = (
        f"A rent of {price * 10} euros is raised by {first} percent and then cut by {second} "
        "percent of the new rent. How many euros is it in the end?"
    )
    return text, price * (100 + first) * (100 - second) // 1000


def purchases(random: Random, level: int) -> Sum:
    name = random.choice(NAMES)
    many, others = random.sample(WARES, 2)
    a, b, c, d = (random.randint(2, 9) for _ in range(4))
    if level == 1:
        text = f"{name} buys {a} {many} at {b} euros each. How many euros is that?"
        return text, a * b
    both = f"{name} buys {a} {many} at {b} euros each and {c} {others} at {d} euros each"
    if level == 2:
        return f"{both}. How many euros does {name} pay?", a * b + c * d
    paid = a * b + c * d + random.randint(5, 60)
    back = random.randint(1, a - 1)
    text = (
        f"{both}, pays {paid} euros, and later returns {back} of the {many} for their full price. "
        f"Counting the change, how many of the {paid} euros does {name} have again?"
    )
    return text, paid - a * b - c * d + back * b


def journeys(random: Random, level: int) -> Sum:
    speed, hours = random.randrange(40, 100, 5), random.randint(2, 6)
    vehicle = random.choice(("car", "train", "bus", "truck"))
    if level == 1:
        text = f"A {vehicle} drives {hours} hours at {speed} km per hour. How many km is that?"
        return text, speed * hours
    slower, later = random.randrange(20, 40, 5), random.randint(2, 5)
    if level == 2:
        text = (
            f"A {vehicle} drives {hours} hours at {speed} km per hour and then {later} hours at "
            f"{slower} km per hour. How many km does it drive in all?"
        )
        return text, speed * hours + slower * later
    gap = (speed - slower) * later
    text = (
        f"A {vehicle} leaves a town at {slower} km per hour. A faster one follows on the same road "
        f"at {speed} km per hour when the first is {gap} km away. After how many hours of its "
        "drive does the second catch up?"
    )
    return text, later


def recipes(random: Random, level: int) -> Sum:
    grams, people = random.randint(3, 15) * 10, random.randint(2, 6)
    food = random.choice(("rice", "flour", "lentils", "sugar", "oats"))
    if level == 1:
        text = f"One portion needs {grams} grams of {food}."
        return f"{text} How many grams do {people} portions need?", grams * people
    guests = people + random.randint(1, 9)
    text = f"{people} portions need {grams * people} grams of {food}."
    if level == 2:
        return f"{text} How many grams do {guests} portions need?", grams * guests
    bags = random.randint(2, 4) * 100
    need = -(-grams * guests // bags)
    sold = f"It is sold in bags of {bags} grams."
    return f"{text} {sold} How many bags must be bought for {guests} portions?", need


def shares(random: Random, level: int) -> Sum:
    name, other, third = random.sample(NAMES, 3)
    part, more = random.randint(4, 15), random.randint(2, 9)
    if level == 1:
        total = part * 2 + more
        text = f"{name} and {other} share {total} marbles. {name} gets {more} more than {other}."
        return f"{text} How many does {other} get?", part
    times = random.randint(2, 5)
    text = f"{name} gets {times} times as many as {other}"
    if level == 2:
        total = part * (times + 1)
        text = f"{name} and {other} share {total} marbles. {text}. How many does {name} get?"
        return text, times * part
    total = part * (times + 1) + times * part + more
    text = (
        f"{name}, {other} and {third} share {total} marbles. {text}, and {third} gets {more} more "
        f"than {name}. How many does {third} get?"
    )
    return text, times * part + more


def ages(random: Random, level: int) -> Sum:
    name, other = random.sample(NAMES, 2)
    young, gap, ahead = random.randint(3, 12), random.randint(5, 30), random.randint(3, 12)
    if level == 1:
        text = f"{name} is {young} years old. {other} is {gap} years older."
        return f"{text} How old will {other} be in {ahead} years?", young + gap + ahead
    times = random.randint(2, 4)
    if level == 2:
        text = f"{other} is {times} times as old as {name}. Together they are"
        return f"{text} {young * (times + 1)} years old. How old is {other}?", young * times
    old = times * (young + ahead) - ahead
    text = (
        f"{other} is {old - young} years older than {name}. In {ahead} years {other} will be "
        f"{times} times as old as {name}. How old is {name} now?"
    )
    return text, young


def averages(random: Random, level: int) -> Sum:
    count = level + 3
    mean = random.randint(8, 20) * (1, 1, 4)[level - 1]
    values = [mean + random.randint(-4, 4) for _ in range(count - 1)]
    last = mean * count - sum(values)
    if level == 1:
        return f"What is the average of {', '.join(map(str, values))} and {last}?", mean
    if level == 2:
        known = ", ".join(map(str, values[:-1])) + f" and {values[-1]}"
        text = f"The average of {count} numbers is {mean}. All but one of them are {known}."
        return f"{text} What is the other?", last
    joined = random.randint(1, 9)
    text = (
        f"The average of {count} numbers is {mean}. With one number more the average is "
        f"{mean + joined}. What is the number that was added?"
    )
    return text, mean + joined * (count + 1)


def rectangles(random: Random, level: int) -> Sum:
    width, length, path = random.randint(4, 12), random.randint(13, 30), random.randint(1, 3)
    garden = f"A rectangular garden is {length} m long"
    if level == 1:
        return f"{garden} and {width} m wide. How many square metres is it?", width * length
    if level == 2:
        text = f"{garden} and has an area of {width * length} square metres."
        return f"{text} How many metres of fence go around it?", 2 * (width + length)
    text = (
        f"A rectangular pool is {length} m long and {width} m wide. With the path around it, which "
        f"is {path} m wide on every side, it makes a larger rectangle. How many square metres is "
        "the path alone?"
    )
    return text, (length + 2 * path) * (width + 2 * path) - length * width


KINDS: tuple[Callable[[Random, int], Sum], ...] = (
    *(additions, differences, products, quotients, expressions, powers, remainders, fractions),
    *(percentages, purchases, journeys, recipes, shares, ages, averages, rectangles),
)


def generate() -> Iterator[dict[str, Any]]:
    """Every item, level by level and kind by kind; the same ones each time."""
    random = Random(SEED)  # noqa: S311 - sums, not secrets
    asked: set[str] = set()
    for level in LEVELS:
        for number, kind in enumerate(kind for kind in KINDS for _ in range(PER_LEVEL)):
            text, answer = kind(random, level)
            while text in asked or answer < 0 or _last_number(text) == answer:
                text, answer = kind(random, level)
            asked.add(text)
            yield {
                "id": f"arithmetic-{level}-{number + 1:03d}",
                "prompt": f"{text} {ENDINGS[level]}",
                "answers": [str(answer)],
                "field": kind.__name__,
                "cluster": kind.__name__,
                "size": "full" if number % PER_LEVEL else "standard",
                **NEW_TOKENS[level],
            }


def _last_number(text: str) -> int:
    return int(re.findall(r"\d+", text)[-1])


def _number(random: Random, digits: int) -> int:
    return random.randint(10 ** (digits - 1), 10**digits - 1)


def _proper(random: Random) -> Fraction:
    bottom = random.randint(3, 8)
    return Fraction(random.randint(2, bottom - 1), bottom)


if __name__ == "__main__":
    sys.stdout.write(write(generate()))
