"""L2-SP: all weights are pulled alike to where they started (arXiv 1802.01483)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.retention.base import Relief
from workbench.retention.weight_penalty import WeightPenaltyProtection

if TYPE_CHECKING:
    from workbench.retention.base import BaseContext, Guard


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
    relief: ClassVar[Relief | None] = Relief(most=0.2, field="strength", half=0.1)

    strength: float = field(
        0.1,
        title="Strength",
        help="Lambda: lambda/2 times the squared distance from the base is added to the loss.",
        gt=0,
        le=1e9,
    )

    def build_guard(self, context: BaseContext) -> Guard:
        """Penalise all weights alike; nothing is measured on the base."""
        return self.penalty_guard(context, None)
