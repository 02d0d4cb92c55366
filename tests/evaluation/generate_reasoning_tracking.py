"""Puzzles that follow a state step by step: swaps, walks, queues and small programs."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tests.evaluation.generate_common import Puzzle, listed, names, numbers_near

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

THINGS = ("drum", "kite", "lamp", "map", "coin", "rope", "bell", "vase", "book", "shell")
RANKS = ("", "first", "second", "third", "fourth", "fifth", "sixth")
COMPASS = ("north", "east", "south", "west")
MOVES = ((0, 1), (1, 0), (0, -1), (-1, 0))
TURNS = {"turns right": 1, "turns round": 2, "turns left": 3}
Point = tuple[int, int]
"""How far east and how far north."""


def swaps(random: Random, level: int) -> Puzzle:
    """Who holds what after several swaps."""
    people = names(random, 5 if level == 3 else 4)
    things = random.sample(THINGS, len(people))
    held = dict(zip(people, things, strict=True))
    start = listed([f"{person} holds a {thing}" for person, thing in held.items()])
    steps: list[str] = []
    pair: set[str] = set()
    for _ in range({1: 2, 2: 4, 3: 7}[level]):
        first, second = random.sample(people, 2)
        while {first, second} == pair:
            first, second = random.sample(people, 2)
        pair = {first, second}
        held[first], held[second] = held[second], held[first]
        steps.append(f"{first} and {second} swap.")
    asked = random.choice([person for person in people if f"{person} " in " ".join(steps)])
    wrong = random.sample([thing for thing in things if thing != held[asked]], 3)
    text = f"{start}. {' '.join(steps)} What does {asked} hold in the end?"
    return Puzzle(text, f"The {held[asked]}", tuple(f"The {thing}" for thing in wrong))


def walks(random: Random, level: int) -> Puzzle:
    """Where a walk ends, seen from its start."""
    unit = random.choice(("blocks", "steps", "miles", "paces"))
    while True:
        legs, (east, north) = (_compass_walk if level < 3 else _turning_walk)(random, level)
        if 0 not in (east, north) and abs(east) != abs(north):
            break
    (name,) = names(random, 1)
    opening = f"{name} walks" if level < 3 else f"{name} faces north and walks"
    route = listed(legs, "and then").replace("#", unit)
    text = f"{opening} {route}. Where does the walk end, counted from its start?"
    slips = [(-east, north), (east, -north), (-east, -north), (north, east), (-north, east)]
    wrong = tuple(_place(*point) for point in random.sample(slips, 3))
    return Puzzle(text, _place(east, north), wrong)


def _compass_walk(random: Random, level: int) -> tuple[list[str], Point]:
    legs: list[str] = []
    east = north = heading = 0
    heading = random.randrange(4)
    for _ in range(3 if level == 1 else 5):
        length = random.randint(2, 9)
        legs.append(f"{length} # {COMPASS[heading]}")
        east, north = east + length * MOVES[heading][0], north + length * MOVES[heading][1]
        heading = random.choice([other for other in range(4) if other != heading])
    return legs, (east, north)


def _turning_walk(random: Random, level: int) -> tuple[list[str], Point]:
    del level
    first = random.randint(2, 9)
    legs, east, north, heading = [f"{first} #"], 0, first, 0
    for _ in range(5):
        turn, length = random.choice(list(TURNS)), random.randint(2, 9)
        heading = (heading + TURNS[turn]) % 4
        legs.append(f"{turn} and walks {length} #")
        east, north = east + length * MOVES[heading][0], north + length * MOVES[heading][1]
    return legs, (east, north)


def _place(east: int, north: int) -> str:
    sides = "north" if north > 0 else "south", "east" if east > 0 else "west"
    return f"{abs(north)} {sides[0]}, {abs(east)} {sides[1]}"


def queues(random: Random, level: int) -> Puzzle:
    """Who is where in a queue after people came and went."""
    people = names(random, 12)
    line, others = people[: 4 + (level > 1)], people[4 + (level > 1) :]
    start = f"{listed(line)} queue in this order, {line[0]} in front."
    events = [_event(random, line, others) for _ in range({1: 2, 2: 4, 3: 7}[level])]
    rank = random.randint(2, min(len(line) - 1, 6))
    right = line[rank - 1]
    named = [person for person in people if person not in others and person != right]
    question = f"Who is {RANKS[rank]} in the queue now?"
    return Puzzle(" ".join([start, *events, question]), right, tuple(random.sample(named, 3)))


def _event(random: Random, line: list[str], others: list[str]) -> str:
    """Change the queue and say how; people who left do not come back."""
    kinds = ["join", "cut", "back"] + ["leave", "serve"] * (len(line) > 3)
    match random.choice(kinds):
        case "join":
            line.append(others.pop())
            return f"{line[-1]} joins at the end."
        case "cut":
            before = random.choice(line)
            line.insert(line.index(before), others.pop())
            return f"{line[line.index(before) - 1]} steps in right in front of {before}."
        case "back":
            person = random.choice(line[:-1])
            line.remove(person)
            line.append(person)
            return f"{person} goes to the end."
        case "leave":
            person = line.pop(random.randrange(1, len(line)))
            return f"{person} leaves."
        case _:
            line.pop(0)
            return "The person in front is served and goes home."


def programs(random: Random, level: int) -> Puzzle:
    """What a few lines of Python print."""
    source, answer = random.choice(PROGRAMS[level])(random)
    slips = [answer + slip for slip in random.sample((-2, -1, 1, 2), 2)]
    text = f"What does this Python program print?\n\n{source}"
    return Puzzle(text, str(answer), numbers_near(random, answer, slips))


def _assignments(random: Random) -> tuple[str, int]:
    a, b, c = (random.randint(3, 20) for _ in range(3))
    source = f"a = {a}\nb = {b}\na = a + b\nb = a + {c}\nprint(a + b)"
    return source, 2 * (a + b) + c


def _division(random: Random) -> tuple[str, int]:
    n, d = random.randint(20, 99), random.randint(3, 9)
    return f"n = {n}\nq = n // {d}\nr = n % {d}\nprint(q + r)", n // d + n % d


def _doubling(random: Random) -> tuple[str, int]:
    x, times, less = random.randint(2, 9), random.randint(2, 4), random.randint(1, 5)
    source = f"x = {x}\nfor step in range({times}):\n    x = x * 2 - {less}\nprint(x)"
    return source, x * 2**times - less * (2**times - 1)


def _multiples(random: Random) -> tuple[str, int]:
    top, d = random.randint(12, 30), random.randint(3, 6)
    source = (
        f"total = 0\nfor n in range(1, {top}):\n    if n % {d} == 0:\n        total += n\n"
        "print(total)"
    )
    count = (top - 1) // d
    return source, d * count * (count + 1) // 2


def _halving(random: Random) -> tuple[str, int]:
    start, stop = random.randint(100, 400), random.randint(3, 9)
    source = (
        f"n = {start}\nsteps = 0\nwhile n > {stop}:\n    n = n // 2\n    steps += 1\n"
        "print(10 * steps + n)"
    )
    steps = next(count for count in range(20) if start >> count <= stop)
    return source, 10 * steps + (start >> steps)


def _alternating(random: Random) -> tuple[str, int]:
    numbers = random.sample(range(2, 30), 6)
    source = (
        f"total = 50\nfor place, n in enumerate({numbers}):\n    if place % 2 == 0:\n"
        "        total += n\n    else:\n        total -= n\nprint(total)"
    )
    return source, 50 + sum(numbers[::2]) - sum(numbers[1::2])


def _nested(random: Random) -> tuple[str, int]:
    top, d = random.randint(5, 8), random.randint(2, 4)
    source = (
        f"total = 0\nfor a in range({top}):\n    for b in range(a):\n"
        f"        if (a + b) % {d} == 0:\n            total += a * b\nprint(total)"
    )
    pairs = ((a, b) for a in range(top) for b in range(a))
    return source, sum(a * b for a, b in pairs if (a + b) % d == 0)


def _recursion(random: Random) -> tuple[str, int]:
    base, n, more = random.randint(1, 5), random.randint(5, 8), random.randint(1, 3)
    source = (
        f"def f(n):\n    if n < 2:\n        return {base} + n\n"
        f"    return f(n - 1) + f(n - 2) + {more}\n\nprint(f({n}))"
    )
    values = [base, base + 1]
    while len(values) <= n:
        values.append(values[-1] + values[-2] + more)
    return source, values[n]


def _merging(random: Random) -> tuple[str, int]:
    numbers = random.sample(range(3, 40), 6)
    source = (
        f"xs = {numbers}\nwhile len(xs) > 1:\n    a = xs.pop(0)\n    b = xs.pop(0)\n"
        "    xs.append(max(a, b) - 1)\n    xs.append(min(a, b) // 2)\n    xs.pop(0)\nprint(xs[0])"
    )
    queue = deque(numbers)
    while len(queue) > 1:
        a, b = queue.popleft(), queue.popleft()
        queue.extend((max(a, b) - 1, min(a, b) // 2))
        queue.popleft()
    return source, queue[0]


PROGRAMS: dict[int, tuple[Callable[[Random], tuple[str, int]], ...]] = {
    1: (_assignments, _division, _doubling),
    2: (_multiples, _halving, _alternating),
    3: (_nested, _recursion, _merging),
}
