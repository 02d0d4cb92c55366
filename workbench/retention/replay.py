"""Replay: general rows are learned along with those of the new task."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.core.errors import BadInputError
from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.retention.base import GeneralProtection, Guard, ReplayMix, saturating

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.recipe import Recipe
    from workbench.retention.base import BaseContext, GeneralRow
    from workbench.strategies.base import Strategy


class ReplayProtection(GeneralProtection):
    """Add general rows to every batch until they make up a share of its learned tokens.

    The dataset's rows are not affected: each comes exactly once an epoch, in as many steps as
    without replay. General rows are drawn without replacement, in a new order each epoch.
    """

    kind: ClassVar[str] = "replay"
    card: ClassVar[Card] = Card(
        title="Replay",
        does="Mixes general rows into training, so that old and new are learned together.",
        costs=(
            "Batches grow with the share: by a quarter at 20 %, twofold at 50 %; lower the micro "
            "batch size at high shares. The base's own answers are generated once before training."
        ),
        forgets=(
            "Often 1 to 5 % is enough to keep most (arXiv 2502.06042), and 20 to 30 % is usual; "
            "what the general rows do not cover is not protected."
        ),
    )

    share: float = field(
        0.2,
        title="Share",
        help="Share of all learned tokens that come from general rows, 0 to 0.9.",
        ge=0,
        le=0.9,
    )
    answers: Literal["self", "dataset"] = field(
        "self",
        title="Answers",
        help="Which answers the model reads again.",
        choices={
            "self": "the base's own greedy answers to the questions, closest to what it would say",
            "dataset": "the rows as they are",
        },
    )
    max_new_tokens: int = field(
        96,
        title="Answer length",
        help="Most tokens the base generates for each question.",
        unit="tokens",
        advanced=True,
        ge=1,
        le=4096,
    )

    def check_format(self, data_format: str) -> None:
        """Refuse documents when the base should answer questions."""
        if self.answers == "self" and data_format == "text":
            raise BadInputError(
                f"retention.replay.source: {self.source} contains documents, but the base can only "
                "answer questions; set retention.replay.answers to dataset"
            )

    def relief(self, strategy: Strategy) -> float:
        """Measured at a fifth: the KL to base fell by two fifths, with LoRA as with all weights."""
        del strategy
        return saturating(0.22, self.share, 0.2)

    def extra_cost(self, recipe: Recipe, facts: ModelFacts) -> str:
        """How much larger the steps become."""
        del recipe, facts
        return f"{1 / (1 - self.share):.2f} times as many learned tokens a step"

    def replayed_tokens(self, learned: int, rows: Sequence[GeneralRow]) -> int:
        """Estimate the tokens of general rows read beside ``learned`` tokens of the dataset.

        A share s of all learned tokens means learned · s / (1 - s) learned tokens of general rows,
        and each of those comes with questions / answers tokens that are only read.

        Args:
            learned: Learned tokens of the dataset.
            rows: The general rows as they are; the base's own answers are assumed to be as long as
                theirs, up to ``max_new_tokens``.
        """
        longest = self.max_new_tokens if self.answers == "self" else math.inf
        answers = sum(min(row.trained_tokens, longest) for row in rows)
        questions = sum(len(row.input_ids) - row.trained_tokens for row in rows)
        return round(learned * self.share / (1 - self.share) * (1 + questions / answers))

    def build_guard(self, context: BaseContext) -> Guard:
        """Read the rows and, if so set, let the base answer them."""
        guard = Guard()
        if self.answers == "self":
            rows = context.self_answered_rows(self.source, self.rows, self.max_new_tokens)
        else:
            rows = context.general_rows(self.source, self.rows)
        guard.mix = ReplayMix(rows, self.share)
        return guard
