"""What every scorer must offer; the scorers live in ``suites.scorers``.

A scorer never sees a model. It says what it wants to know of one (answers in words, or how likely
each option is) and turns that into a score, so it can be tested with pencil and paper.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.core.errors import BadInputError
from workbench.recipe.base import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.suites.items import Item, Outcome


@dataclass(frozen=True)
class Likelihood:
    """How likely a model finds one option as the answer to a prompt.

    Attributes:
        log_prob: Summed over its tokens, in nats.
        tokens: How many tokens it has.
    """

    log_prob: float
    tokens: int


class Scorer(Section, ABC):
    """Turns what a model did with an item into an outcome.

    Attributes:
        kind: Its name in a suite's file.
    """

    kind: Any

    @abstractmethod
    def check(self, item: Item) -> None:
        """Refuse an item that it cannot score.

        Raises:
            BadInputError: A field is missing or wrong; the item's id is named.
        """

    def chance(self, item: Item) -> float:
        """Score of a model that knows nothing, 0 to 1."""
        del item
        return 0.0


def unfit(item: Item, why: str) -> BadInputError:
    """Make the error for an item that a scorer cannot score."""
    return BadInputError(f"item {item.id!r}: {why}")


def need_answers(item: Item) -> None:
    """Refuse an item without a right answer, or with a blank one.

    Raises:
        BadInputError: Naming the item.
    """
    if not item.answers:
        raise unfit(item, "no right answer; give at least one under 'answers'")
    if not all(answer.strip() for answer in item.answers):
        raise unfit(item, "an answer is blank")


class AnswerScorer(Scorer):
    """Looks at what the model says.

    Attributes:
        samples: Answers drawn at temperature 1 for each prompt; 0 asks for one greedy answer.
    """

    samples: ClassVar[int] = 0

    @abstractmethod
    def grade(self, item: Item, answers: Sequence[str]) -> Outcome:
        """Score the answer, or the drawn answers, to an item."""


class OptionScorer(Scorer):
    """Looks at which option the model finds most likely."""

    @abstractmethod
    def choose(self, item: Item, likelihoods: Sequence[Likelihood]) -> Outcome:
        """Score an item from the likelihoods of its options, in their order."""
