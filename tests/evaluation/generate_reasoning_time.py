"""Puzzles about time: plans with dependencies, dates, and clocks in several zones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.evaluation.generate_common import NAMES, Puzzle, listed, numbers_near

if TYPE_CHECKING:
    from random import Random

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
MONTHS = dict(zip(MONTH_NAMES, (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), strict=True))
"""Days of each month of a year that is not a leap year."""
WORKS = (
    ("to build a shed", ("digging", "pouring", "framing", "roofing", "wiring", "painting")),
    ("to stage a play", ("casting", "sewing", "rehearsing", "lighting", "printing", "selling")),
    ("to publish a book", ("drafting", "editing", "drawing", "layout", "proofing", "binding")),
    ("to open a cafe", ("renting", "tiling", "plumbing", "hiring", "tasting", "decorating")),
)


def plan(random: Random, level: int) -> Puzzle:
    """The shortest time for tasks of which some must wait for others."""
    purpose, steps = random.choice(WORKS)
    tasks = steps[: {1: 3, 2: 4, 3: 6}[level]]
    days = [random.randint(2, 9) for _ in tasks]
    waits = _waits(random, len(tasks))
    ends: list[int] = []
    for at, length in enumerate(days):
        ends.append(length + max((ends[before] for before in waits[at]), default=0))
    lengths = listed([f"{task} ({day} days)" for task, day in zip(tasks, days, strict=True)])
    rules = " ".join(
        f"{tasks[at].capitalize()} can start only after {listed([tasks[b] for b in before])}."
        if len(before) > 1
        else f"{tasks[at].capitalize()} can start only after {tasks[before[0]]}."
        for at, before in enumerate(waits)
        if before
    )
    text = (
        f"There are {len(tasks)} tasks {purpose}: {lengths}. {rules} Apart from that, any number "
        "of tasks can run at the same time. After how many days at the earliest is everything done?"
    )
    slips = [sum(days), max(days), max(ends) + min(days), max(ends) - min(days)]
    return Puzzle(
        text, f"{max(ends)} days", numbers_near(random, max(ends), slips, "{} days".format)
    )


def _waits(random: Random, count: int) -> list[list[int]]:
    """For each task those before it that it waits for; the second always waits for the first."""
    waits: list[list[int]] = [[], [0]]
    for at in range(2, count):
        count_before = random.choice((1, 1, 2) if at % 2 else (0, 1))
        waits += [sorted(random.sample(range(at), count_before))]
    return waits


def dates(random: Random, level: int) -> Puzzle:
    """The days between two dates, a date so many days ahead, or the weekday of a date."""
    return (_days_between, _date_ahead, _weekday_of_date)[level - 1](random)


def _days_between(random: Random) -> Puzzle:
    first = random.randrange(11)
    start, end = random.randint(2, 28), random.randint(2, 28)
    months = list(MONTHS)
    days = MONTHS[months[first]] - start + end
    stay = random.choice(("An exhibition", "A voyage", "A course", "A strike", "A rental"))
    text = (
        f"{stay} begins on {start} {months[first]} and ends on {end} {months[first + 1]} of a year "
        "that is not a leap year. How many days after its first day is its last?"
    )
    slips = [days - 1, days + 1, days + 2, abs(end - start), 60 - days]
    return Puzzle(text, f"{days} days", numbers_near(random, days, slips, "{} days".format))


def _date_ahead(random: Random) -> Puzzle:
    month, day, ahead = random.choice(list(MONTHS)), random.randint(10, 28), random.randint(12, 75)
    thing = random.choice(
        ("A seed is sown", "A loan begins", "A parcel is sent", "A cheese is laid down")
    )
    end = random.choice(("Which date is", "What is the date"))
    text = f"{thing} on {day} {month} of a year that is not a leap year. {end} {ahead} days later?"
    right = _shifted(month, day, ahead)
    wrong = {_shifted(month, day, ahead + slip) for slip in random.sample((-3, -2, -1, 1, 2, 3), 3)}
    return Puzzle(text, right, tuple(sorted(wrong)))


def _shifted(month: str, day: int, ahead: int) -> str:
    months = list(MONTHS)
    at, day = months.index(month), day + ahead
    while day > MONTHS[months[at]]:
        day -= MONTHS[months[at]]
        at = (at + 1) % 12
    return f"{day} {months[at]}"


def _weekday_of_date(random: Random) -> Puzzle:
    first, second = sorted(random.sample(range(12), 2))
    months, leap = list(MONTHS), random.random() < 0.5
    start, end = random.randint(1, 28), random.randint(1, 28)
    today = random.randrange(7)
    lengths = [MONTHS[month] + (leap and month == "February") for month in months]
    ahead = sum(lengths[first:second]) - start + end
    kind = "a leap year" if leap else "not a leap year"
    text = (
        f"In a year that is {kind}, {start} {months[first]} is a {DAYS[today]}. "
        f"Which day of the week is {end} {months[second]} of that year?"
    )
    right = DAYS[(today + ahead) % 7]
    return Puzzle(text, right, tuple(random.sample([day for day in DAYS if day != right], 3)))


@dataclass(frozen=True)
class Trip:
    """A journey told in parts that each move the clock."""

    parts: tuple[str, ...]
    minutes: tuple[int, ...]


def clocks(random: Random, level: int) -> Puzzle:
    """The time of day after several stretches, at the highest level across time zones."""
    start = random.randint(6 * 12, 20 * 12) * 5
    name = random.choice(NAMES)
    trip = _trip(random, level)
    end = start + sum(trip.minutes)
    zone = random.choice((-7, -5, -3, -2, 2, 3, 6, 8)) if level == 3 else 0
    where = ""
    if zone:
        side = "ahead of" if zone > 0 else "behind"
        where = f" The clocks there are {abs(zone)} hours {side} those at home."
    question = f"What time do the clocks {'there ' if zone else ''}show then?"
    told = f"{name} leaves home at {_clock(start)}. {' '.join(trip.parts)}{where}"
    text = f"{told} Nothing else takes time. {question}"
    right = end + 60 * zone
    slips = [60, -60, *random.sample((-20, -10, 10, 20, 30, -30), 2)]
    slips += [-60 * zone, -120 * zone] if zone else []
    wrong = {_clock(right + slip) for slip in slips} - {_clock(right)}
    return Puzzle(text, _clock(right), tuple(random.sample(sorted(wrong), 3)))


def _trip(random: Random, level: int) -> Trip:
    stages = (
        ("The walk to the bus takes {}.", 5, 40),
        ("The bus ride takes {}.", 15, 95),
        ("The wait at the station lasts {}.", 10, 80),
        ("The train ride takes {}.", 65, 290),
        ("The flight takes {}.", 130, 690),
    )
    chosen = {1: stages[:2], 2: stages[:4], 3: stages[1:]}[level]
    minutes = tuple(random.randrange(low, high, 5) for _, low, high in chosen)
    parts = tuple(
        text.format(_duration(length)) for (text, *_), length in zip(chosen, minutes, strict=True)
    )
    return Trip(parts, minutes)


def _duration(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} hour{'s' * (hours > 1)}"] * (hours > 0) + [f"{rest} minutes"] * (rest > 0)
    return " and ".join(parts)


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"
