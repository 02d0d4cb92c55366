"""What the reasoning suites say is right is computed again from the words of their prompts."""

from __future__ import annotations

import calendar
import json
import re
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from tests.evaluation.generate_arithmetic import generate
from workbench.core import locations
from workbench.evaluation.suites.items import Item

if TYPE_CHECKING:
    from collections.abc import Callable

SUITES = locations.presets() / "probes" / "suites"


def read(name: str) -> dict[str, Item]:
    lines = (SUITES / f"{name}.jsonl").read_text("utf-8").splitlines()
    return {item.id: item for item in map(Item.model_validate_json, lines)}


REASONING = read("reasoning")
ARITHMETIC = {
    key: item for key, item in read("arithmetic").items() if not key.startswith("arithmetic-")
}

BY_NUMBERS: dict[str, Callable[..., int | Fraction]] = {
    "Mia has": lambda a, b: a + b,
    "There are 10 birds": lambda a, b: a - b,
    "Each bag holds": lambda a, b: a * b,
    "A mother shares": Fraction,
    "A bus has": lambda a, b, c: a - b + c,
    "A book costs": lambda price, paid: paid - price,
    "A garden has": lambda a, b, c: a * b - c,
    "Olga runs": lambda a, b: a * b,
    "A rope of": Fraction,
    "A tea costs": lambda tea, cake: 2 * tea + cake,
    "In a class of": lambda pupils, cycling: Fraction(pupils, 2) - cycling,
    "A tank for": lambda a: Fraction(2 * a, 5),
    "Nadia buys": lambda a, price, paid: paid - a * price,
    "In a club": lambda a, b, both: a + b - both,
    "Of 12 guests": lambda a, b: a - b,
    "A bag holds": lambda a, b: a - b,
    "Yasmin was born": lambda born, year: year - born,
    "Ivo walks": lambda a, b: a - b,
    "A train leaves at": lambda h, m, hh, mm: (60 * hh + mm) - (60 * h + m),
}
"""How a prompt that begins so is worked out from its numbers, in their order."""

SUMS: dict[str, Callable[..., int | Fraction]] = {
    r"(\d+) \+ (\d+)\?": lambda a, b: a + b,
    r"(\d+) - (\d+)\?": lambda a, b: a - b,
    r"(\d+) times (\d+)": lambda a, b: a * b,
    r"(\d+) divided by (\d+)": Fraction,
    r"half of (\d+)": lambda a: Fraction(a, 2),
    r"largest of the numbers (\d+), (\d+), (\d+) and (\d+)": max,
    r"next in the row (\d+), \d+, \d+, (\d+)": lambda a, d: d + Fraction(d - a, 3),
    r"has (\d+) \w+ and gets (\d+) more": lambda a, b: a + b,
    r"had (\d+) \w+ and lost (\d+) of them": lambda a, b: a - b,
    r"(\d+) boxes with (\d+) \w+ in each": lambda a, b: a * b,
}
"""How a sum that reads so is worked out from its numbers."""


def right(opening: str) -> str:
    """The right answer to the one reasoning item that begins so."""
    (item,) = (item for item in REASONING.values() if item.prompt.startswith(opening))
    return item.answers[0]


def numbers(text: str) -> list[int]:
    return list(map(int, re.findall(r"\d+", text)))


def listed(opening: str) -> list[str]:
    """What is listed in the item that begins so: ``a, b, c and d``."""
    (item,) = (item for item in REASONING.values() if item.prompt.startswith(opening))
    found = re.search(r"((?:[\w.]+, )+[\w.]+ (?:and|or) [\d.\w]*\w)", item.prompt)
    assert found
    return re.split(r", | and | or ", found.group(1))


@pytest.mark.parametrize("opening", BY_NUMBERS)
def test_word_problems(opening: str) -> None:
    (item,) = (item for item in REASONING.values() if item.prompt.startswith(opening))
    said = numbers(item.answers[0])
    assert said == [BY_NUMBERS[opening](*numbers(item.prompt))]


def test_every_word_problem_is_worked_out() -> None:
    problems = [item for item in REASONING.values() if item.field == "word problems"]
    assert len(problems) == 13
    assert all(any(item.prompt.startswith(key) for key in BY_NUMBERS) for item in problems)


def test_weekdays() -> None:
    days = list(calendar.day_name)
    pattern = r"If today is (\w+), which day (?:is|was|will) (?:it )?(?:be )?(.+)\?"
    shifts = {"tomorrow": 1, "yesterday": -1, "in 4 days": 4, "9 days ago": -9}
    found = [(re.fullmatch(pattern, item.prompt), item) for item in REASONING.values()]
    asked = {match.group(2): (match.group(1), item) for match, item in found if match}
    assert set(asked) == set(shifts)
    for when, (today, item) in asked.items():
        assert item.answers == (days[(days.index(today) + shifts[when]) % 7],)


def test_months_and_dates() -> None:
    months = list(calendar.month_name)
    assert right("Which month comes right after June") == months[months.index("June") + 1]
    short = [name for name in listed("Which month does not have") if not has_31_days(name)]
    assert [right("Which month does not have")] == short
    days = [calendar.monthrange(2025, months.index(name))[1] for name in ("April", "May")]
    assert right("How many days do April and May") == f"{sum(days)} days"
    first = date(2025, 5, 1)
    assert first.strftime("%A") == "Thursday"
    assert right("If 1 May is a Thursday") == (first + timedelta(14)).strftime("%A")


def has_31_days(name: str) -> bool:
    return calendar.monthrange(2025, list(calendar.month_name).index(name))[1] == 31


def test_clock_times() -> None:
    opening, hours = timedelta(hours=8, minutes=30), timedelta(hours=5, minutes=30)
    assert right("A shop opens at 8:30") == f"At {str(opening + hours)[:5]}"
    assert right("A lesson starts at 9:00") == f"At {str(timedelta(hours=9 + 1))[:5]}"


def test_numbers_in_order() -> None:
    assert float(right("Which is the largest number")) == max(
        map(float, listed("Which is the largest number"))
    )
    assert float(right("Which is the smallest number")) == min(
        map(float, listed("Which is the smallest number"))
    )
    assert int(right("The numbers 14")) == min(map(int, listed("The numbers 14")))
    assert int(right("The numbers 62")) == sorted(map(int, listed("The numbers 62")))[-2]
    odd = [text for text in listed("Which number is not even") if int(text) % 2]
    assert [right("Which number is not even")] == odd


def test_words_in_alphabetical_order() -> None:
    mango, stone = "The words apple", "The words stone"
    assert right(mango).casefold() == max(listed(mango))
    assert right(stone).casefold() == min(listed(stone))


def test_speeds() -> None:
    (item,) = (item for item in REASONING.values() if item.prompt.startswith("Zoe walks"))
    hours = dict(zip(("Zoe", "Yan", "Wes", "Val"), (1.0, 2.0, 3.0, 0.5), strict=True))
    distances = dict(zip(hours, numbers(item.prompt), strict=True))
    speeds = {name: distances[name] / hours[name] for name in hours}
    assert item.answers == (max(speeds, key=speeds.__getitem__),)


def test_sums() -> None:
    for item in ARITHMETIC.values():
        found = [(re.search(pattern, item.prompt), work) for pattern, work in SUMS.items()]
        ((match, work),) = [(match, work) for match, work in found if match]
        assert [work(*map(int, match.groups()))] == [int(answer) for answer in item.answers]


def test_the_sums_that_are_shipped_are_the_ones_that_are_made() -> None:
    lines = (SUITES / "arithmetic.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines[: len(ARITHMETIC)]] == list(generate())
