"""Puzzles in which people are assigned drinks and cities by clues that leave one solution."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any

from tests.evaluation.generate_common import Puzzle, listed, names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

DRINKS = ("tea", "milk", "cocoa", "juice", "water", "cider", "coffee", "soda", "broth", "punch")
CITIES = ("Oslo", "Rome", "Lima", "Cairo", "Perth", "Delhi")
Assignment = tuple[tuple[int, ...], tuple[int, ...]]
"""For each person the number of the drink, and of the city."""


@dataclass(frozen=True)
class Clue:
    """A sentence about an assignment, and whether it is true of one."""

    text: str
    holds: Any
    """Called with an assignment; mypy infers no lambda with defaults."""


def assignment(random: Random, level: int) -> Puzzle:
    """Who drinks what (and comes from where), by as few clues as leave one solution."""
    people, drinks, cities = (
        names(random, 4),
        random.sample(DRINKS, 4),
        random.sample(CITIES, 4),
    )
    worlds = [
        (drink, city)
        for drink in permutations(range(4))
        for city in (permutations(range(4)) if level == 3 else [(0, 1, 2, 3)])
    ]
    world = random.choice(worlds)
    clues = [clue for clue in _clues(people, drinks, cities, level) if clue.holds(world)]
    random.shuffle(clues)
    needed = _needed(clues, worlds)
    stated = {clue.text for clue in needed}
    asked = random.choice(
        [p for p in range(4) if f"{people[p]} drinks {drinks[world[0][p]]}." not in stated]
    )
    opening = f"{listed(people)} each drink something different: {listed(drinks, 'or')}."
    if level == 3:
        opening += f" Each comes from a different city: {listed(cities, 'or')}."
    question = f"What does {people[asked]} drink?"
    text = " ".join([opening, *(clue.text for clue in needed), question])
    right = drinks[world[0][asked]]
    wrong = tuple(drink.capitalize() for drink in drinks if drink != right)
    return Puzzle(text, right.capitalize(), wrong)


def _clues(
    people: Sequence[str], drinks: Sequence[str], cities: Sequence[str], level: int
) -> list[Clue]:
    persons = range(4)
    clues = [
        Clue(f"{people[p]} does not drink {drinks[d]}.", lambda w, p=p, d=d: w[0][p] != d)
        for p in persons
        for d in range(4)
    ]
    clues += [
        Clue(
            f"Either {people[p]} or {people[q]} drinks {drinks[d]}.",
            lambda w, p=p, q=q, d=d: d in (w[0][p], w[0][q]),
        )
        for p, q in combinations(persons, 2)
        for d in range(4)
    ]
    if level == 1:
        clues += [
            Clue(f"{people[p]} drinks {drinks[d]}.", lambda w, p=p, d=d: w[0][p] == d)
            for p in persons
            for d in range(4)
        ]
    if level < 3:
        return clues
    return [
        *(clue for clue in clues if "Either" in clue.text),
        *_clues_about_cities(people, drinks, cities),
    ]


def _clues_about_cities(
    people: Sequence[str], drinks: Sequence[str], cities: Sequence[str]
) -> list[Clue]:
    pairs = [(first, second) for first in range(4) for second in range(4)]
    return [
        *(
            Clue(f"{people[p]} comes from {cities[c]}.", lambda w, p=p, c=c: w[1][p] == c)
            for p, c in pairs
        ),
        *(
            Clue(
                f"The person from {cities[c]} drinks {drinks[d]}.",
                lambda w, c=c, d=d: w[0][w[1].index(c)] == d,
            )
            for c, d in pairs
        ),
        *(
            Clue(
                f"The person from {cities[c]} does not drink {drinks[d]}.",
                lambda w, c=c, d=d: w[0][w[1].index(c)] != d,
            )
            for c, d in pairs
        ),
    ]


def _needed(clues: Sequence[Clue], worlds: Sequence[Assignment]) -> list[Clue]:
    """Take clues until one world is left, then drop those that were not needed."""
    chosen: list[Clue] = []
    left = list(worlds)
    for clue in clues:
        remaining = [world for world in left if clue.holds(world)]
        if len(remaining) < len(left):
            chosen.append(clue)
            left = remaining
        if len(left) == 1:
            break
    for clue in tuple(chosen):
        others = [other for other in chosen if other is not clue]
        if sum(all(other.holds(world) for other in others) for world in worlds) == 1:
            chosen = others
    return chosen
