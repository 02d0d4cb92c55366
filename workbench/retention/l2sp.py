"""L2-SP: all weights are pulled alike to where they started (arXiv 1802.01483)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.retention.base import saturating
from workbench.retention.weight_penalty import WeightPenaltyProtection

if TYPE_CHECKING:
    from workbench.retention.base import BaseContext, Guard
    from workbench.strategies.base import Strategy


class L2spProtection(WeightPenaltyProtection):
    """EWC with a Fisher information of one for every weight: no general text is needed."""

    kind: ClassVar[str] = "l2sp"
    copies: ClassVar[int] = 1
    card: ClassVar[Card] = Card(
        title="L2-SP",
        does="Pulls all weights back to where they started, each as hard as the others.",
        costs="4 bytes for each trained weight of the base; next to nothing with LoRA.",
        forgets=(
            "It cannot tell weights that matter from weights that do not, so it holds back the "
            "new task as much as forgetting."
        ),
    )

    strength: float = field(
        0.1,
        title="Strength",
        help="Lambda: lambda/2 times the squared distance from the base is added to the loss.",
        gt=0,
        le=1e9,
    )

    def relief(self, strategy: Strategy) -> float:
        """Measured at 0.1 with all weights trained: two fifths of the KL to base were left."""
        if strategy.delta_kind != "weights":
            return 0.0
        return saturating(0.37, self.strength, 0.1)

    def strength_for(self, strategy: Strategy) -> float:
        """The same for every strategy."""
        del strategy
        return self.strength

    def build_guard(self, context: BaseContext) -> Guard:
        """Penalise all weights alike; nothing is measured on the base."""
        return self.penalty_guard(context, None)
