"""Replay: general rows are learned beside the new task's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.core.errors import BadInputError
from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.retention.base import GeneralProtection, Guard, Mix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.recipe import Recipe
    from workbench.retention.base import BaseContext, GeneralRow


class ReplayProtection(GeneralProtection):
    """Add general rows to every batch until they hold a share of its learned tokens.

    The dataset's rows stay as they are: each exactly once an epoch, in as many steps as without
    replay. General rows are drawn without replacement and drawn anew each epoch.
    """

    kind: ClassVar[str] = "replay"
    card: ClassVar[Card] = Card(
        title="Replay",
        does="Mixes general rows into the training, so that the old is practised with the new.",
        costs=(
            "Batches grow by the share: at 20 % by a quarter, at 50 % twofold, so lower the micro "
            "batch at high shares. The base's own answers are generated once before training."
        ),
        forgets=(
            "Often 1 to 5 % is enough to keep most (arXiv 2502.06042), and 20 to 30 % is usual; "
            "what the general rows do not touch is not protected."
        ),
    )

    share: float = field(
        0.2,
        title="Share",
        help="Share of all learned tokens that comes from general rows, 0 to 0.9.",
        ge=0,
        le=0.9,
    )
    answers: Literal["self", "dataset"] = field(
        "self",
        title="Answers",
        help="self: the base's own greedy answers to the questions, nearest to what it would say; "
        "dataset: the rows as they stand.",
    )
    answer_tokens: int = field(
        96,
        title="Answer length",
        help="Tokens the base generates at most for each question.",
        unit="tokens",
        advanced=True,
        ge=1,
        le=4096,
    )

    def check_format(self, data_format: str) -> None:
        """Refuse documents where the base is to answer questions."""
        if self.answers == "self" and data_format == "text":
            raise BadInputError(
                f"retention.replay.source: {self.source} holds documents, and the base can only "
                "answer questions; set retention.replay.answers to dataset"
            )

    def needs(self, recipe: Recipe, facts: ModelFacts) -> str:
        """How much longer the steps get."""
        del recipe, facts
        return f"{1 / (1 - self.share):.2f} times as many learned tokens a step"

    def replayed(self, learned: int, rows: Sequence[GeneralRow]) -> int:
        """Estimate how many tokens are read again beside ``learned`` learned ones of the dataset.

        Args:
            learned: Tokens of the dataset that are learned.
            rows: The general rows as they stand; the base's own answers are taken to be as long,
                up to ``answer_tokens``.
        """
        longest = self.answer_tokens if self.answers == "self" else math.inf
        answers = sum(min(row.trained_tokens, longest) for row in rows)
        questions = sum(len(row.input_ids) - row.trained_tokens for row in rows)
        return round(learned * self.share / (1 - self.share) * (1 + questions / answers))

    def ready(self, context: BaseContext) -> Guard:
        """Read the rows and let the base answer them."""
        guard = Guard()
        if self.answers == "self":
            rows = context.answered(self.source, self.rows, self.answer_tokens)
        else:
            rows = context.general(self.source, self.rows)
        guard.mix = Mix(rows, self.share)
        return guard
