"""A budget of forgetting: when the KL to the base passes it, training waits, stops or goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import model_validator

from workbench.core.errors import BadInputError
from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.retention.base import Guard, GuardDecision, Protection

if TYPE_CHECKING:
    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.recipe import Recipe
    from workbench.retention.base import BaseContext, Evaluation

Action = Literal["ask", "stop", "rollback"]


class BudgetProtection(Protection):
    """Judge every measurement of the KL to the base on held-out general text.

    A measurement is a lower bound of the KL, taken every ``evaluation.retention_steps`` steps.
    """

    kind: ClassVar[str] = "budget"
    card: ClassVar[Card] = Card(
        title="Forgetting budget",
        does="Warns when the KL to the base grows, and past a limit asks, stops or goes back.",
        costs=(
            "Nothing beyond the measurements that are taken anyway; going back keeps a copy of the "
            "trained weights on disk, written anew at each measurement under the limit."
        ),
        forgets=(
            "Up to the limit, and past it by what happens between two measurements. It sees "
            "general text alone: a capability that such text does not touch may be lost under it."
        ),
    )

    warn: float = field(
        0.1,
        title="Warn at",
        help="KL to the base on general text from which the run warns.",
        unit="nats per token",
        gt=0,
        le=100,
    )
    limit: float = field(
        0.3,
        title="Limit",
        help="KL to the base on general text at which the run acts.",
        unit="nats per token",
        gt=0,
        le=100,
    )
    action: Action = field(
        "ask",
        title="At the limit",
        help="ask: wait for your answer; stop: end there; rollback: end, and the result is the "
        "last model under the limit.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> BudgetProtection:
        if self.warn > self.limit:
            raise ValueError(f"warns at {self.warn:g}, past its limit of {self.limit:g}")
        return self

    def check(self, recipe: Recipe, facts: ModelFacts) -> None:
        """Refuse runs whose KL is never measured."""
        del facts
        if recipe.evaluation.general_text is None:
            raise BadInputError("retention.budget: needs evaluation.general_text to measure KL on")
        if recipe.evaluation.retention_steps == 0:
            raise BadInputError(
                "retention.budget: needs measurements; set evaluation.retention_steps above 0"
            )

    def ready(self, context: BaseContext) -> Guard:
        """Nothing is measured."""
        del context
        return Budget(self.warn, self.limit, self.action)


class Budget(Guard):
    """Compares each KL with the two levels; it asks once and then trusts the answer."""

    judges = frozenset({"kl"})

    def __init__(self, warn: float, limit: float, action: Action) -> None:
        """Take the levels in nats per token, and what to do at the upper one."""
        self._warn = warn
        self._limit = limit
        self._action = action
        self._warned = False
        self._asked = False
        self._was_under = False

    def evaluated(self, evaluation: Evaluation) -> GuardDecision:
        """Judge the KL; NaN is over every budget, and no KL is neither over nor under it."""
        kl = evaluation.kl
        if kl is None:
            return GuardDecision(best=False if self._action == "rollback" else None)
        if kl < self._limit:
            self._was_under = True
            return GuardDecision(best=self._action == "rollback" or None, warning=self._warning(kl))
        said = f"KL to base {kl:.3f} nats per token has passed the budget of {self._limit:g}"
        match self._action:
            case "stop":
                return GuardDecision(stop=said)
            case "rollback":
                back = "going back to the last model under it"
                none = "no model was under it, so there is nothing to go back to"
                return GuardDecision(
                    best=False, stop=f"{said}; {back if self._was_under else none}"
                )
            case "ask" if not self._asked:
                self._asked = True
                return GuardDecision(ask=said)
            case _:
                return GuardDecision()

    def state(self) -> dict[str, Any]:
        """What was said and asked."""
        return {"warned": self._warned, "asked": self._asked, "was_under": self._was_under}

    def resume(self, state: dict[str, Any]) -> None:
        """Do not say it again."""
        self._warned, self._asked = state["warned"], state["asked"]
        self._was_under = state["was_under"]

    def _warning(self, kl: float) -> str:
        """Say once that the KL has come near; again only after it was low."""
        near = kl >= self._warn
        news = near and not self._warned
        self._warned = near
        return (
            f"KL to base {kl:.3f} nats per token is over {self._warn:g}; the budget ends at "
            f"{self._limit:g}"
            if news
            else ""
        )
