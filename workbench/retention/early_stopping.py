"""Early stopping: training ends when the held-out loss no longer falls, and the best is kept."""

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
    """Stop after some evaluations without a gain; the result is the best evaluated model."""

    kind: ClassVar[str] = "early_stopping"
    card: ClassVar[Card] = Card(
        title="Early stopping",
        does="Ends training when the held-out loss stops falling and keeps the best model.",
        costs="A copy of the trained weights on disk while training, written at each new best.",
        forgets=(
            "It watches the new task only: a model may forget long before its held-out loss rises. "
            "It saves the forgetting of needless steps, not of the needed ones."
        ),
    )

    patience: int = field(
        3,
        title="Patience",
        help="Evaluations in a row without a gain before training ends; those of "
        "training.eval_steps count.",
        unit="evaluations",
        ge=1,
        le=10_000,
    )
    minimum_gain: float = field(
        0.0,
        title="Least gain",
        help="The loss must fall by more than this to count as better.",
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

    def ready(self, context: BaseContext) -> Guard:
        """Nothing is measured."""
        del context
        return Patience(self.patience, self.minimum_gain)


class Patience(Guard):
    """Counts evaluations without a gain, but none that was made only because KL was due."""

    judges = frozenset({"loss"})

    def __init__(self, patience: int, minimum_gain: float) -> None:
        """Give up after ``patience`` evaluations that are not ``minimum_gain`` nats better."""
        self._patience = patience
        self._minimum_gain = minimum_gain
        self._best = float("inf")
        self._waited = 0

    def evaluated(self, evaluation: Evaluation) -> GuardDecision:
        """Compare with the best so far; a loss that there was no memory to measure says nothing."""
        if evaluation.loss is None:
            return GuardDecision(best=False)
        if evaluation.loss < self._best - self._minimum_gain:
            self._best, self._waited = evaluation.loss, 0
            return GuardDecision(best=True)
        if "loss" not in evaluation.due:
            return GuardDecision(best=False)
        self._waited += 1
        if self._waited < self._patience:
            return GuardDecision(best=False)
        return GuardDecision(
            best=False,
            stop=f"the held-out loss has not fallen below {self._best:.4f} for {self._waited} "
            f"{'evaluation' if self._waited == 1 else 'evaluations'}",
        )

    def state(self) -> dict[str, Any]:
        """The best loss and how long it has stood."""
        return {"best": self._best, "waited": self._waited}

    def resume(self, state: dict[str, Any]) -> None:
        """Go on waiting."""
        self._best, self._waited = state["best"], state["waited"]
