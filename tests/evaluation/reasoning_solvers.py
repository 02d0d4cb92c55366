"""Solvers for the generated reasoning items, which read nothing but the prompt.

They share no code with the generators: each searches or simulates what a generator built
forwards from the answer.
"""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import date, datetime, timedelta
from itertools import combinations, permutations, product
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from workbench.evaluation.suites.items import Item

T = TypeVar("T")

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
MONTHS = "January February March April May June July August September October November December"
MORE = ("taller", "older", "faster", "stronger", "richer")


def only(values: Iterable[T]) -> T:
    """The one value that all of them are."""
    (value,) = set(values)
    return value


def numbers(text: str) -> list[int]:
    return list(map(int, re.findall(r"\d+", text)))


def parts(text: str) -> list[str]:
    """The parts of ``a, b, c and d``."""
    return re.split(r", (?:and then )?| and then | and | or ", text)


def solve_order(prompt: str) -> str:
    pairs = [
        (first, second) if word in MORE else (second, first)
        for first, word, second in re.findall(r"(\w+) is (\w+) than (\w+)\.", prompt)
    ]
    people = sorted({name for pair in pairs for name in pair})
    lines = [
        line
        for line in permutations(people)
        if all(line.index(more) < line.index(less) for more, less in pairs)
    ]
    (ordinal,) = re.findall(r"Who is the (\w+)", prompt)
    return only(line[ORDINALS.index(ordinal)] for line in lines)


def solve_groups(prompt: str) -> str:
    """Try all numbers of people in each region of the diagram."""
    people = prompt.split()[2].strip(",")
    said = numbers(prompt)
    if "all three" in prompt:
        total, a, b, c, ab, ac, bc, abc = said
        inside = a + (b - ab) + (c - ac - (bc - abc))
        return f"{total - inside} {people}"
    total, a, b, known = said
    answers = set()
    for both in range(min(a, b) + 1):
        neither = total - (a - both) - (b - both) - both
        if "exactly one" in prompt and neither == known:
            answers.add(a + b - 2 * both)
        if "both. How" in prompt and both == known:
            answers.add(neither)
    return f"{only(answers)} {people}"


def holds(statement: str, world: Sequence[frozenset[str]]) -> bool:
    words = statement.split()
    first, second = words[1], words[-1]
    members = [kind for kind in world if first in kind]
    match words[0], "not" in words:
        case "All", _:
            return all(second in kind for kind in members)
        case "No", _:
            return not any(second in kind for kind in members)
        case _, negated:
            return any((second in kind) != negated for kind in members)


def solve_syllogism(item: Item) -> str:
    """Go through every world of the premises with up to five kinds of members."""
    opening, *premises = item.prompt.removesuffix(" Which statement must be true?").split(". ")
    premises = [premise.strip(".") for premise in premises]
    nouns = parts(opening.removeprefix("There are "))
    kinds = [
        frozenset(kind)
        for size in range(1, len(nouns) + 1)
        for kind in combinations(nouns, size)
        if all(
            holds(premise, [frozenset(kind)])
            for premise in premises
            if not premise.startswith("Some")
        )
    ]
    options = set(item.options)
    worlds = 0
    for world in (world for size in range(1, 6) for world in combinations(kinds, size)):
        everywhere = all(any(noun in kind for kind in world) for noun in nouns)
        if everywhere and all(holds(premise, world) for premise in premises):
            worlds += 1
            options = {option for option in options if holds(option, world)}
    assert worlds
    return only(options)


def solve_assignment(prompt: str) -> str:
    opening, rest = prompt.split(": ", 1)
    people = parts(opening.removesuffix(" each drink something different"))
    drinks = parts(rest.split(".", maxsplit=1)[0])
    cities = re.findall(r"from a different city: ([^.]+)\.", prompt)
    places = (
        [dict(zip(order, people, strict=True)) for order in permutations(parts(cities[0]))]
        if cities
        else [{}]
    )
    clues = rest.split(". ")[1:-1]
    (asked,) = re.findall(r"What does (\w+) drink\?", prompt)
    answers = [
        drink[asked]
        for order, home in product(permutations(drinks), places)
        if (drink := dict(zip(people, order, strict=True)))
        and all(clue_holds(clue, drink, home) for clue in clues)
    ]
    assert len(answers) == 1
    return answers[0].capitalize()


def clue_holds(clue: str, drink: dict[str, str], home: dict[str, str]) -> bool:
    """Whether a clue is true of who drinks what and of who comes from each city."""
    words = clue.split()
    if clue.startswith("Each comes"):
        return True
    if "comes from" in clue:
        return home[words[-1]] == words[0]
    if clue.startswith("Either"):
        return words[-1] in (drink[words[1]], drink[words[3]])
    person = home[words[3]] if clue.startswith("The person") else words[0]
    return (drink[person] == words[-1]) != ("not" in words)


def solve_liars(prompt: str) -> str:
    people = parts(re.findall(r"^One of (.+?) (?:broke|ate|wrote|found)", prompt)[0])
    claims = re.findall(r'(\w+) says: "(.+?)"', prompt)
    truthful = {"All": 4, "Exactly": 3, "Only": 1}[re.findall(r'" (\w+) [^"]*truth', prompt)[-1]]

    def true(speaker: str, claim: str, culprit: str) -> bool:
        named = [speaker if word == "me" else word for word in re.findall(r"\w+", claim)]
        return (culprit in named) != ("not" in named)

    return only(
        culprit
        for culprit in people
        if sum(true(speaker, claim, culprit) for speaker, claim in claims) == truthful
    )


def solve_plan(prompt: str) -> str:
    """The longest chain of tasks of which each waits for the one before."""
    days = {task: int(length) for task, length in re.findall(r"(\w+) \((\d+) days\)", prompt)}
    waits = {
        task.lower(): parts(before)
        for task, before in re.findall(r"(\w+) can start only after ([^.]+)\.", prompt)
    }

    def longest(task: str) -> int:
        return days[task] + max(map(longest, waits.get(task, [])), default=0)

    return f"{max(map(longest, days))} days"


def solve_dates(prompt: str) -> str:
    months = MONTHS.split()
    year = 2024 if "is a leap year" in prompt else 2023
    said = [
        date(year, months.index(month) + 1, int(day))
        for day, month in re.findall(rf"(\d+) ({MONTHS.replace(' ', '|')})", prompt)
    ]
    if "How many days after" in prompt:
        return f"{(said[1] - said[0]).days} days"
    if "days later" in prompt:
        end = said[0] + timedelta(numbers(prompt)[-1])
        return f"{end.day} {months[end.month - 1]}"
    (given,) = re.findall(r"is a (\w+day)\.", prompt)
    weekday = next(day for day in range(7) if date(2024, 1, 1 + day).strftime("%A") == given)
    shift = weekday - said[0].weekday()
    return (said[1] + timedelta(shift)).strftime("%A")


def solve_clocks(prompt: str) -> str:
    (start,) = re.findall(r"\d\d:\d\d", prompt)
    clock = datetime.strptime(start, "%H:%M")  # noqa: DTZ007 - no zone is known
    for sentence in prompt.split(". ")[1:]:
        hours = sum(map(int, re.findall(r"(\d+) hours?", sentence)))
        minutes = sum(map(int, re.findall(r"(\d+) minutes", sentence)))
        clock += timedelta(hours=-hours if "behind" in sentence else hours, minutes=minutes)
    return clock.strftime("%H:%M")


def solve_swaps(prompt: str) -> str:
    """Follow the asked place backwards to whose thing it ends up with."""
    held = dict(re.findall(r"(\w+) holds a (\w+)", prompt))
    (place,) = re.findall(r"What does (\w+) hold", prompt)
    for pair in reversed(re.findall(r"(\w+) and (\w+) swap", prompt)):
        if place in pair:
            (place,) = set(pair) - {place}
    return f"The {held[place]}"


def solve_walk(prompt: str) -> str:
    """In the complex plane, where a turn to the right multiplies the heading by -i."""
    route = prompt.split(". Where", maxsplit=1)[0]
    compass = {"north": 1j, "east": 1, "south": -1j, "west": -1}
    turns = {"right": -1j, "left": 1j, "round": -1}
    at, heading = 0j, 1j
    if "faces" not in route:
        legs = re.findall(r"(\d+) \w+ (north|east|south|west)", route)
        at = sum((int(length) * compass[side] for length, side in legs), 0j)
    for turn, length in re.findall(r"(?:turns (\w+) and |and )walks (\d+)", route):
        heading *= turns.get(turn, 1)
        at += int(length) * heading
    north = "north" if at.imag > 0 else "south"
    east = "east" if at.real > 0 else "west"
    return f"{abs(int(at.imag))} {north}, {abs(int(at.real))} {east}"


def solve_queue(prompt: str) -> str:
    """Keep a position for each person instead of a list."""
    opening, *events, question = prompt.split(". ")
    place = {name: float(at) for at, name in enumerate(parts(opening.split(" queue")[0]))}
    for event in events:
        first, last = min(place, key=place.__getitem__), max(place, key=place.__getitem__)
        name = event.split()[0]
        if event.startswith("The person in front"):
            del place[first]
        elif event.endswith("leaves"):
            del place[name]
        elif "front of" in event:
            before = place[event.split()[-1]]
            ahead = [at for at in place.values() if at < before]
            place[name] = (before + max(ahead, default=before - 2)) / 2
        else:
            place[name] = place[last] + 1
    (ordinal,) = re.findall(r"Who is (\w+) in", question)
    return sorted(place, key=place.__getitem__)[ORDINALS.index(ordinal)]


def solve_program(prompt: str) -> str:
    source = prompt.split("\n\n", 1)[1]
    run = subprocess.run(
        [sys.executable, "-I", "-c", source], capture_output=True, text=True, check=True, timeout=60
    )
    return run.stdout.strip()


SOLVERS: dict[str, Callable[[str], str]] = {
    "order by clues": solve_order,
    "overlapping groups": solve_groups,
    "assignments": solve_assignment,
    "liars": solve_liars,
    "plans": solve_plan,
    "dates": solve_dates,
    "clocks": solve_clocks,
    "swaps": solve_swaps,
    "walks": solve_walk,
    "queues": solve_queue,
    "programs": solve_program,
}
