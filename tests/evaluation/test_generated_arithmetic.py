"""The arithmetic items of several difficulties are worked out again from their words."""

from __future__ import annotations

import ast
import json
import operator
import re
from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from tests.evaluation.generate_arithmetic_steps import ENDINGS, KINDS, PER_LEVEL, generate
from tests.evaluation.generate_common import LEVELS
from workbench.core import locations
from workbench.evaluation.suites.items import Item
from workbench.evaluation.suites.scorers.number import NumberScorer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SUITES = locations.presets() / "probes" / "suites"
LINES = (SUITES / "arithmetic.jsonl").read_text("utf-8").splitlines()
ITEMS = [item for item in map(Item.model_validate_json, LINES) if item.id.startswith("arithmetic-")]
OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def worth(node: ast.expr) -> Fraction:
    """The value of a parsed expression, in fractions."""
    match node:
        case ast.Constant(value=int(number)):
            return Fraction(number)
        case ast.BinOp(left=left, op=op, right=right):
            return OPERATIONS[type(op)](worth(left), worth(right))
        case _:
            raise AssertionError(ast.dump(node))


def expression(text: str) -> Fraction:
    (written,) = re.findall(r"What is (?:the )?([\d ()+*/-]+)\?", text)
    return worth(ast.parse(written, mode="eval").body)


def numbers(text: str) -> list[int]:
    return list(map(int, re.findall(r"\d+", text)))


def only(values: Iterable[int]) -> int:
    (value,) = set(values)
    return value


def power(text: str) -> int:
    base, exponent = numbers(text)
    product = 1
    for _ in range(exponent):
        product = sum([product] * base)
    return product


def remainder(text: str) -> int:
    number, divisor = numbers(text)
    while number >= divisor:
        number -= divisor
    return number


def fraction(text: str) -> Fraction:
    *parts, whole = numbers(text)
    value = Fraction(whole)
    for top, bottom in zip(parts[::2], parts[1::2], strict=True):
        value = value / bottom * top
    return value


def percentage(text: str) -> Fraction:
    if text.startswith("How much"):
        percent, whole = numbers(text)
        return Fraction(percent, 100) * whole
    value = Fraction(numbers(text)[0])
    for change, percent in re.findall(r"(raised|cut) by (\d+) percent", text):
        value += value / 100 * int(percent) * (1 if change == "raised" else -1)
    return value


def purchase(text: str) -> int:
    """Pay thing by thing; with a note, count what is in the purse at the end."""
    bought = re.findall(r"(\d+) (\w+) at (\d+) euros each", text)
    cost = sum(int(price) for count, _, price in bought for _ in range(int(count)))
    paid = re.search(r"pays (\d+) euros, and later returns (\d+) of the (\w+)", text)
    if not paid:
        return cost
    (price,) = (int(price) for _, thing, price in bought if thing == paid[3])
    return int(paid[1]) - cost + int(paid[2]) * price


def journey(text: str) -> int:
    """Drive hour by hour."""
    if "catch up" in text:
        slow, fast, gap = numbers(text)
        return next(hours for hours in range(1, 100) if fast * hours >= gap + slow * hours)
    legs = re.findall(r"(\d+) hours at (\d+) km", text)
    return sum(int(speed) for hours, speed in legs for _ in range(int(hours)))


def recipe(text: str) -> Fraction | int:
    known = numbers(text)
    if text.startswith("One"):
        known.insert(0, 1)
    portions, grams, *bag, wanted = known
    need = Fraction(grams, portions) * wanted
    if not bag:
        return need
    return next(bags for bags in range(100) if bags * bag[0] >= need)


def share(text: str) -> int:
    """Try every number of marbles of the second person."""
    names = re.findall(r"[A-Z]\w+", text.split(" share ", maxsplit=1)[0])
    (total,) = map(int, re.findall(r"share (\d+) marbles", text))
    (asked,) = re.findall(r"How many does (\w+) get", text)
    rules = re.findall(r"(\w+) gets (\d+) (times|more) \D*? (\w+)[.,]", text)
    answers = []
    for start in range(total):
        has = {names[1]: start}
        for name, number, kind, other in rules:
            has[name] = has[other] * int(number) if kind == "times" else has[other] + int(number)
        answers += [has[asked]] * (sum(has.values()) == total)
    return only(answers)


def age(text: str) -> int:
    """Try every age."""
    known = numbers(text)
    if "How old will" in text:
        return sum(known)
    if "Together" in text:
        times, both = known
        return only(old for old in range(120) if old % times == 0 and old + old // times == both)
    gap, ahead, times = known
    return only(young for young in range(120) if young + gap + ahead == times * (young + ahead))


def average(text: str) -> int:
    """Try every number that may be missing."""
    known = numbers(text)
    if text.startswith("What"):
        return only(mean for mean in range(200) if sum(value - mean for value in known) == 0)
    count, mean, *others = known
    if "added" in text:
        return only(n for n in range(2000) if count * mean + n == others[0] * (count + 1))
    return only(n for n in range(2000) if sum(others) + n == mean * count)


def rectangle(text: str) -> int:
    """Count square metres one by one."""
    known = numbers(text)
    if "fence" in text:
        length, area = known
        width = only(width for width in range(area) if width * length == area)
        return length + width + length + width
    length, width, *path = known
    around = path[0] if path else 0
    squares = [
        (x, y)
        for x in range(-around, length + around)
        for y in range(-around, width + around)
        if not path or not (0 <= x < length and 0 <= y < width)
    ]
    return len(squares)


SOLVERS: dict[str, Callable[[str], Fraction | int]] = {
    **dict.fromkeys(
        ("additions", "differences", "products", "quotients", "expressions"), expression
    ),
    "powers": power,
    "remainders": remainder,
    "fractions": fraction,
    "percentages": percentage,
    "purchases": purchase,
    "journeys": journey,
    "recipes": recipe,
    "shares": share,
    "ages": age,
    "averages": average,
    "rectangles": rectangle,
}


@pytest.mark.parametrize("kind", SOLVERS)
def test_each_answer_is_worked_out_again_from_the_prompt(kind: str) -> None:
    items = [item for item in ITEMS if item.field == kind]
    assert len(items) == len(LEVELS) * PER_LEVEL
    for item in items:
        text = item.prompt.removesuffix(f" {ENDINGS[int(item.id.split('-')[1])]}")
        assert text != item.prompt
        assert item.answers == (str(SOLVERS[kind](text)),), item.id


def test_every_kind_is_worked_out_here() -> None:
    assert set(SOLVERS) == {kind.__name__ for kind in KINDS} == {item.field for item in ITEMS}


def test_the_shipped_items_are_those_that_are_generated() -> None:
    shipped = [json.loads(line) for line in LINES]
    assert [item for item in shipped if item["id"].startswith("arithmetic-")] == list(generate())


def test_ids_carry_the_difficulty() -> None:
    levels = Counter(item.id.split("-")[1] for item in ITEMS)
    assert levels == {str(level): len(KINDS) * PER_LEVEL for level in LEVELS}


def test_repeating_the_prompt_is_never_right() -> None:
    scorer = NumberScorer()
    assert [item.id for item in ITEMS if scorer.grade(item, [item.prompt]).score] == []
