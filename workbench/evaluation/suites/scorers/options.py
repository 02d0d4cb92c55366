"""Scorer: which option a model finds most likely per token."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from workbench.evaluation.suites.items import Outcome
from workbench.evaluation.suites.scorer import OptionScorer, item_error, require_answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.evaluation.suites.items import Item
    from workbench.evaluation.suites.scorer import Likelihood


class OptionsScorer(OptionScorer):
    """Right if the option with the highest mean log-likelihood per token is an answer.

    Small models know more than they can say: options are scored as full text, not by letters.
    """

    kind: Literal["options"] = "options"

    def check(self, item: Item) -> None:
        """Reject fewer than two options, blank or equal ones, and answers that are not options."""
        if len(item.options) < 2:
            raise item_error(item, "needs at least two options")
        if not all(option.strip() for option in item.options):
            raise item_error(item, "an option is blank")
        if len(set(item.options)) < len(item.options):
            raise item_error(item, "two options are equal")
        require_answers(item)
        for answer in item.answers:
            if answer not in item.options:
                raise item_error(item, f"the answer {answer!r} is not among the options")

    def chance(self, item: Item) -> float:
        """The share of options that are right."""
        return len(set(item.answers)) / len(item.options)

    def choose(self, item: Item, likelihoods: Sequence[Likelihood]) -> Outcome:
        """Take the first of the most likely options; a model that computes NaN chooses none."""
        means = [likelihood.log_prob / likelihood.tokens for likelihood in likelihoods]
        if any(map(math.isnan, means)):
            return Outcome(score=0, answer="", label="not a number")
        choice = item.options[means.index(max(means))]
        return Outcome(score=choice in item.answers, answer=choice)
