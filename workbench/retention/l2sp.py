"""L2-SP: all weights are held alike where they started (arXiv 1802.01483)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from workbench.recipe.parts import Card
from workbench.recipe.protection import Protection
from workbench.recipe.section import field
from workbench.retention.change import (
    Application,
    application_field,
    refuse_unless_weights_move,
    weight_bytes,
)

if TYPE_CHECKING:
    from workbench.recipe.facts import ModelFacts
    from workbench.recipe.protection import Guard, Scene
    from workbench.recipe.recipe import Recipe


class L2spProtection(Protection):
    """EWC with a Fisher information of one everywhere: no general text is needed."""

    kind: ClassVar[str] = "l2sp"
    card: ClassVar[Card] = Card(
        title="L2-SP",
        does="Pulls all weights back to where they started, each as hard as the next.",
        costs="4 bytes for each trained weight of the base; next to nothing with LoRA.",
        forgets=(
            "It cannot tell weights that matter from weights that do not, so it holds back the "
            "new task as readily as forgetting."
        ),
    )

    strength: float = field(
        0.1,
        title="Strength",
        help="Lambda: half of it times the squared distance from the base is added to the loss.",
        gt=0,
        le=1e9,
    )
    apply: Application = application_field()

    def check(self, recipe: Recipe, facts: ModelFacts) -> None:
        """Refuse strategies without a change of weights, and proximal steps on products."""
        del facts
        refuse_unless_weights_move(recipe, self.kind, self.apply)

    def needs(self, recipe: Recipe, facts: ModelFacts) -> str:
        """The starting weights, in float32."""
        if recipe.strategy.change == "low_rank":
            return ""
        return f"about {weight_bytes(recipe, facts, copies=1)} more memory"

    def ready(self, scene: Scene) -> Guard:
        """Nothing is measured."""
        from workbench.retention.guards.anchors import LowRankAnchor, WeightAnchor

        if scene.recipe.strategy.change == "low_rank":
            return LowRankAnchor(self.kind, self.strength, None)
        return WeightAnchor(self.kind, self.strength, None, proximal=self.apply == "proximal")
