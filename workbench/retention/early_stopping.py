"""Early stopping: end training when the held-out loss stops falling, and keep the best model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from workbench.core.errors import BadInputError
from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.retention.base import Guard, GuardDecision, Protection

if TYPE_CHECKING:
    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.recipe import Recipe
    from workbench.retention.base import BaseContext, Evaluation


class EarlyStoppingProtection(Protection):
    """Stop after some evaluations without improvement; the result is the best evaluated model."""

    kind: ClassVar[str] = "early_stopping"
    card: ClassVar[Card] = Card(
        title="Early stopping",
        does="Ends training when the held-out loss stops falling and keeps the best model.",
        costs="A copy of the trained weights on disk while training, written at each new best.",
        forgets=(
            "It watches the new task only: a model may forget long before its held-out loss rises. "
            "It saves the forgetting of needless steps, not of those that are needed."
        ),
    )

    patience: int = field(
        3,
        title="Patience",
        help="End training after this many evaluations in a row without improvement; only those "
        "of training.eval_steps count.",
        unit="evaluations",
        ge=1,
        le=10_000,
    )
    minimum_gain: float = field(
        0.0,
        title="Minimum gain",
        help="The loss must fall by more than this to count as an improvement.",
        unit="nats",
        ge=0,
        le=100,
    )

    def check(self, recipe: Recipe, facts: ModelFacts) -> None:
        """Refuse runs that are never evaluated."""
        del facts
        if recipe.training.eval_steps == 0:
            raise BadInputError(
                "retention.early_stopping: needs evaluations; set training.eval_steps above 0"
            )
        if recipe.data.heldout is None and recipe.data.heldout_share == 0:
            raise BadInputError(
                "retention.early_stopping: needs held-out rows; set data.heldout or "
                "data.heldout_share"
            )

    def build_guard(self, context: BaseContext) -> Guard:
        """Nothing is measured on the base."""
        del context
        return EarlyStoppingGuard(self.patience, self.minimum_gain)


class EarlyStoppingGuard(Guard):
    """Counts evaluations without improvement, except those made only because a KL was due."""

    decides_by = frozenset({"loss"})

    def __init__(self, patience: int, minimum_gain: float) -> None:
        """Stop after ``patience`` evaluations that are not ``minimum_gain`` nats better."""
        self._patience = patience
        self._minimum_gain = minimum_gain
        self._best_loss = float("inf")
        self._without_gain = 0

    def decide(self, evaluation: Evaluation) -> GuardDecision:
        """Compare with the best loss so far; a loss that could not be measured is ignored."""
        if evaluation.loss is None:
            return GuardDecision(best=False)
        if evaluation.loss < self._best_loss - self._minimum_gain:
            self._best_loss, self._without_gain = evaluation.loss, 0
            return GuardDecision(best=True)
        if "loss" not in evaluation.due:
            return GuardDecision(best=False)
        self._without_gain += 1
        if self._without_gain < self._patience:
            return GuardDecision(best=False)
        evaluations = "evaluation" if self._without_gain == 1 else "evaluations"
        return GuardDecision(
            best=False,
            stop=f"the held-out loss has not fallen below {self._best_loss:.4f} for "
            f"{self._without_gain} {evaluations}",
        )

    def state_dict(self) -> dict[str, Any]:
        """The best loss, and the evaluations since then."""
        return {"best_loss": self._best_loss, "without_gain": self._without_gain}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue counting."""
        self._best_loss, self._without_gain = state["best_loss"], state["without_gain"]
