"""Base classes of all scorers; the scorers themselves are in ``suites.scorers``, one file each.

A scorer never sees a model. It is given what a model did with an item (its answers, or how likely
it finds each option) and turns that into a score, so it can be checked with pencil and paper.
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
        log_prob: Log-probability summed over the option's tokens, in nats.
        tokens: Number of tokens of the option.
    """

    log_prob: float
    tokens: int


class Scorer(Section, ABC):
    """Turns what a model did with an item into an outcome.

    Attributes:
        kind: Name of the scorer in a suite's file.
    """

    kind: Any

    @abstractmethod
    def check(self, item: Item) -> None:
        """Reject an item that this scorer cannot score.

        Raises:
            BadInputError: A field is missing or wrong; the message names the item.
        """

    def chance(self, item: Item) -> float:
        """Expected score of random guessing, 0 to 1."""
        del item
        return 0.0


def item_error(item: Item, reason: str) -> BadInputError:
    """Build the error for an item that a scorer cannot score."""
    return BadInputError(f"item {item.id!r}: {reason}")


def require_answers(item: Item) -> None:
    """Reject an item without right answers, or with a blank one.

    Raises:
        BadInputError: The message names the item.
    """
    if not item.answers:
        raise item_error(item, "no right answer; give at least one under 'answers'")
    if not all(answer.strip() for answer in item.answers):
        raise item_error(item, "an answer is blank")


class AnswerScorer(Scorer):
    """Scores generated answers.

    Attributes:
        samples: Answers sampled at temperature 1 for each prompt; 0 for one greedy answer.
    """

    samples: ClassVar[int] = 0

    @abstractmethod
    def grade(self, item: Item, answers: Sequence[str]) -> Outcome:
        """Score the greedy answer, or the sampled answers, to an item."""


class OptionScorer(Scorer):
    """Scores which option the model finds most likely."""

    @abstractmethod
    def choose(self, item: Item, likelihoods: Sequence[Likelihood]) -> Outcome:
        """Score an item from the likelihoods of its options, in the order of the options."""
