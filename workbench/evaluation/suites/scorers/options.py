"""Scorer: which option a model finds most likely."""

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
    """Right if the option with the highest log-likelihood, summed over its tokens, is an answer.

    Small models know more than they can say: options are scored as full text, not by letters. On
    the demo model the sum is right more often than the mean per token: 52.2 % against 47.1 % of 596
    items of knowledge, 29.4 % against 27.4 % of 310 of reasoning.
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
        """Take the first of the most likely options; a model that computes NaN chooses none.

        1. s_o = log p(option o), summed over its tokens.
        2. The choice is the option with the largest s_o.
        3. The continuous score is logsumexp(s_o of right options) - logsumexp(all s_o).
        """
        sums = [likelihood.log_prob for likelihood in likelihoods]
        if any(map(math.isnan, sums)):
            return Outcome(score=0, answer="", label="not a number")
        choice = item.options[sums.index(max(sums))]
        pairs = zip(item.options, sums, strict=True)
        right = [log_prob for option, log_prob in pairs if option in item.answers]
        log_score = min(0.0, _log_sum(right) - _log_sum(sums))
        return Outcome(score=choice in item.answers, answer=choice, log_score=log_score)


def _log_sum(log_probs: Sequence[float]) -> float:
    """Log of the sum of exponentials, without overflow."""
    largest = max(log_probs)
    return largest + math.log(sum(math.exp(value - largest) for value in log_probs))
