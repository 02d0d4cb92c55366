"""Puzzles of deduction: orders, overlapping groups, syllogisms and liars."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from tests.evaluation.generate_common import Puzzle, listed, names, numbers_near

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

RANKS = ("", "", "second", "third", "fourth", "fifth")
SCALES = (
    ("taller", "shorter", "tallest"),
    ("older", "younger", "oldest"),
    ("faster", "slower", "fastest"),
    ("stronger", "weaker", "strongest"),
    ("richer", "poorer", "richest"),
)


def order(random: Random, level: int) -> Puzzle:
    """People on a scale, by clues about neighbours in a random order and direction."""
    people = names(random, level + 3)
    more, less, most = random.choice(SCALES)
    clues = [
        f"{high} is {more} than {low}."
        if level == 1 or random.random() < 0.5
        else f"{low} is {less} than {high}."
        for high, low in pairwise(people)
    ]
    if level > 1:
        random.shuffle(clues)
    rank = random.randint(2, len(people) - 1)
    question = f"Who is the {RANKS[rank]} {most} of the {len(people)}?"
    wrong = random.sample([name for name in people if name != people[rank - 1]], 3)
    return Puzzle(" ".join([*clues, question]), people[rank - 1], tuple(wrong))


GROUPS = (
    ("tourists", "speak", ("French", "Greek", "Dutch")),
    ("pupils", "play", ("chess", "tennis", "cards")),
    ("guests", "eat", ("cheese", "fish", "nuts")),
    ("readers", "like", ("poems", "novels", "comics")),
    ("farmers", "keep", ("goats", "bees", "ducks")),
    ("neighbours", "own", ("a car", "a boat", "a piano")),
)


def overlapping_groups(random: Random, level: int) -> Puzzle:
    """Counts of people in two or three overlapping groups."""
    people, verb, choices = random.choice(GROUPS)
    things = random.sample(choices, 3)
    if level < 3:
        prompt, answer, slips = _two_groups(random, people, verb, things, level)
    else:
        prompt, answer, slips = _three_groups(random, people, verb, things)
    form = f"{{}} {people}".format
    return Puzzle(prompt, form(answer), numbers_near(random, answer, slips, form))


def _two_groups(
    random: Random, people: str, verb: str, things: Sequence[str], level: int
) -> tuple[str, int, list[int]]:
    only_first, only_second, both, neither = (random.randint(3, 19) for _ in range(4))
    first, second = only_first + both, only_second + both
    total = first + only_second + neither
    opening = f"Of {total} {people}, {first} {verb} {things[0]} and {second} {verb} {things[1]}."
    if level == 1:
        ask = f"{both} {verb} both. How many {verb} neither?"
        return f"{opening} {ask}", neither, [total - first, total - second, neither + both]
    ask = f"{neither} {verb} neither. How many {verb} exactly one of the two?"
    answer = only_first + only_second
    return f"{opening} {ask}", answer, [total - neither, answer + both, total - both]


def _three_groups(
    random: Random, people: str, verb: str, things: Sequence[str]
) -> tuple[str, int, list[int]]:
    one = [random.randint(2, 12) for _ in range(3)]
    two = [random.randint(2, 8) for _ in range(3)]  # without the first, second and third thing
    three, none = random.randint(2, 6), random.randint(2, 9)
    sizes = [one[at] + sum(two) - two[at] + three for at in range(3)]
    pairs = [pair + three for pair in two]
    total = sum(one) + sum(two) + three + none
    text = (
        f"Of {total} {people}, {sizes[0]} {verb} {things[0]}, {sizes[1]} {verb} {things[1]} and "
        f"{sizes[2]} {verb} {things[2]}. {pairs[2]} {verb} both {things[0]} and {things[1]}, "
        f"{pairs[1]} {verb} both {things[0]} and {things[2]}, and {pairs[0]} {verb} both "
        f"{things[1]} and {things[2]}. {three} {verb} all three. How many {verb} none of the three?"
    )
    return text, none, [none + three, none + 2 * three, none - three, none + 1]


NOUNS = ("daxes", "wugs", "blickets", "tomas", "feps", "zorps", "mips", "gavas", "lirs", "norks")
Type = frozenset[str]
"""A kind of thing: the groups it belongs to."""


@dataclass(frozen=True)
class Statement:
    """A sentence of classical logic about two groups."""

    form: str
    first: str
    second: str

    def __str__(self) -> str:
        verb = {"all": "All {} are {}", "no": "No {} are {}", "some": "Some {} are {}"}
        return verb.get(self.form, "Some {} are not {}").format(self.first, self.second)

    def forbids(self, kind: Type) -> bool:
        """Whether nothing may be of this kind."""
        inside = self.first in kind
        if self.form == "all":
            return inside and self.second not in kind
        return self.form == "no" and inside and self.second in kind

    def shows(self, kind: Type) -> bool:
        """Whether a thing of this kind makes a statement about some things true."""
        return self.first in kind and (self.second in kind) == (self.form == "some")


def entails(premises: Sequence[Statement], claim: Statement, nouns: Sequence[str]) -> bool:
    """Whether the claim holds in every world of the premises in which each group has a member."""
    kinds = [
        frozenset(kind)
        for size in range(1, len(nouns) + 1)
        for kind in combinations(nouns, size)
        if not any(premise.forbids(frozenset(kind)) for premise in premises)
    ]
    if claim.form in ("all", "no"):
        return not any(claim.forbids(kind) for kind in kinds)
    needs: list[list[Type]] = [[kind for kind in kinds if noun in kind] for noun in nouns]
    needs += [
        [kind for kind in kinds if premise.shows(kind)]
        for premise in premises
        if premise.form in ("some", "some not")
    ]
    return any(all(claim.shows(kind) for kind in need) for need in needs)


SYLLOGISMS: dict[int, tuple[tuple[str, str], ...]] = {
    1: (("all 01 all 12", "all 02"), ("all 01 no 12", "no 02"), ("some 01 all 12", "some 02")),
    2: (
        ("all 01 all 12 no 23", "no 03"),
        ("all 01 no 12 all 32", "no 03"),
        ("some 01 all 12 no 23", "some not 03"),
        ("all 01 all 12 all 23", "all 03"),
        ("some 10 all 02 all 23", "some 13"),
    ),
    3: (
        ("all 01 all 12 no 23 all 43", "no 04"),
        ("some 01 all 12 no 23 all 43", "some not 04"),
        ("some 10 all 02 all 23 all 34", "some 14"),
        ("all 10 no 12 all 32 all 43", "some not 04"),
        ("all 10 all 12 all 23 all 34", "some 04"),
    ),
}
"""Chains of premises over the groups 0, 1, 2 … and what follows about the two ends."""
FORMS = ("all", "no", "some", "some not")


def syllogism(random: Random, level: int) -> Puzzle:
    """What must be true of two groups that only a chain of premises links."""
    chain, conclusion = random.choice(SYLLOGISMS[level])
    nouns = random.sample(NOUNS, level + 2)
    premises = _statements(chain, nouns)
    (right,) = _statements(conclusion, nouns)
    ends = [(right.first, right.second), (right.second, right.first)]
    wrong = [
        str(claim)
        for claim in (Statement(form, *pair) for pair in ends for form in FORMS)
        if not entails(premises, claim, nouns)
    ]
    random.shuffle(wrong)
    random.shuffle(premises)
    wrong = [claim for claim in wrong if not claim.startswith("Some")][:2] + wrong
    given = f"There are {listed(sorted(nouns))}. {' '.join(f'{premise}.' for premise in premises)}"
    distinct = list(dict.fromkeys(_without_mirrors(wrong)))
    return Puzzle(f"{given} Which statement must be true?", str(right), tuple(distinct[:3]))


def _without_mirrors(claims: Sequence[str]) -> list[str]:
    """Drop claims that say what an earlier one says the other way round: No A are B."""
    kept: list[str] = []
    for claim in claims:
        words = claim.split()
        mirror = " ".join([words[0], words[-1], *words[2:-1], words[1]])
        symmetric = words[0] in ("No", "Some") and "not" not in words
        if not (symmetric and mirror in kept):
            kept.append(claim)
    return kept


def _statements(chain: str, nouns: Sequence[str]) -> list[Statement]:
    words = chain.replace("some not", "some-not").split()
    return [
        Statement(form.replace("-", " "), nouns[int(pair[0])], nouns[int(pair[1])])
        for form, pair in zip(words[::2], words[1::2], strict=True)
    ]


DEEDS = (
    ("broke the vase", "It was {}."),
    ("ate the last cake", "{} ate it."),
    ("wrote the note", "{} wrote it."),
    ("found the key", "{} found it."),
)


def liars(random: Random, level: int) -> Puzzle:
    """Who did it, when it is known how many of four people tell the truth."""
    truthful = {1: 4, 2: 3, 3: 1}[level]
    deed, pattern = random.choice(DEEDS)
    while True:
        people = names(random, 4)
        claims = [_claim(random, people, speaker, pattern, level) for speaker in range(4)]
        culprits = [
            culprit
            for culprit in range(4)
            if sum(holds(culprit) for _, holds in claims) == truthful
        ]
        if len(culprits) == 1 and len({text for text, _ in claims}) == 4:
            break
    (culprit,) = culprits
    said = " ".join(
        f'{person} says: "{text}"' for person, (text, _) in zip(people, claims, strict=True)
    )
    count = {
        4: "All four of them tell",
        3: "Exactly three of them tell",
        1: "Only one of them tells",
    }
    text = f"One of {listed(people)} {deed}. {said} {count[truthful]} the truth. Who {deed}?"
    return Puzzle(text, people[culprit], tuple(n for n in people if n != people[culprit]))


def _claim(
    random: Random, people: Sequence[str], speaker: int, pattern: str, level: int
) -> tuple[str, Callable[[int], bool]]:
    first, second = random.sample([at for at in range(4) if at != speaker], 2)
    either = pattern.format(f"{people[first]} or {people[second]}")
    kinds: list[tuple[str, Callable[[int], bool]]] = [
        ("It was not me.", lambda culprit: culprit != speaker),
        (f"It was not {people[first]}.", lambda culprit: culprit != first),
        (either, lambda culprit: culprit in (first, second)),
    ]
    if level > 1:
        kinds.append((pattern.format(people[first]), lambda culprit: culprit == first))
    return random.choice(kinds)
