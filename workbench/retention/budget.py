"""A forgetting budget: once the KL to the base exceeds it, training pauses, stops or rolls back."""

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

_ERRORS = 2.0
"""Standard errors by which the KL must lie above the warning level before the run acts: beyond the
95 % quantile of Student's t from 7 rows on."""


class BudgetProtection(Protection):
    """Compare the KL to the base on held-out general text with two levels.

    It is measured every ``evaluation.retention_steps`` steps, on ``evaluation.retention_rows``
    rows. The run acts where the mean over them is at the limit, and its standard error says that
    the KL is above the warning level: a true KL below that level seldom ends a run.
    """

    kind: ClassVar[str] = "budget"
    card: ClassVar[Card] = Card(
        title="Forgetting budget",
        does="Warns when the KL to the base grows; past a limit it asks, stops or rolls back.",
        costs=(
            "Nothing beyond the measurements that are taken anyway; rollback keeps a copy of the "
            "trained weights on disk, rewritten at each measurement below the limit."
        ),
        forgets=(
            "Up to the limit, plus whatever happens between two measurements and what so few rows "
            "leave uncertain. It sees general text only: a capability that such text does not "
            "cover may be lost below the limit."
        ),
    )

    warn: float = field(
        0.1,
        title="Warn at",
        help="The run warns from this KL to the base on general text.",
        unit="nats per token",
        gt=0,
        le=100,
    )
    limit: float = field(
        0.3,
        title="Limit",
        help="The run acts from this KL to the base on general text, unless so few rows are "
        "measured that it may be below the warning level.",
        unit="nats per token",
        gt=0,
        le=100,
    )
    action: Action = field(
        "ask",
        title="At the limit",
        help="What the run does when the KL passes the limit.",
        choices={
            "ask": "pause until you answer",
            "stop": "end there",
            "rollback": "end, and the result is the last model below the limit",
        },
    )

    @model_validator(mode="after")
    def _levels_in_order(self) -> BudgetProtection:
        if self.warn > self.limit:
            raise ValueError(f"warn {self.warn:g} is above limit {self.limit:g}; lower warn")
        return self

    def check(self, recipe: Recipe, facts: ModelFacts) -> None:
        """Refuse runs whose KL is never measured."""
        del facts
        if recipe.evaluation.general_text is None:
            raise BadInputError(
                "retention.budget: needs general text to measure KL on; set evaluation.general_text"
            )
        if recipe.evaluation.retention_steps == 0:
            raise BadInputError(
                "retention.budget: needs measurements; set evaluation.retention_steps above 0"
            )

    def build_guard(self, context: BaseContext) -> Guard:
        """Nothing is measured on the base."""
        del context
        return BudgetGuard(self.warn, self.limit, self.action)


class BudgetGuard(Guard):
    """Compares each KL with the two levels; asks only once and then respects the answer."""

    decides_by = frozenset({"kl"})

    def __init__(self, warn: float, limit: float, action: Action) -> None:
        """Set the levels, in nats per token, and what to do at the limit."""
        self._warn = warn
        self._limit = limit
        self._action = action
        self._warned = False
        self._asked = False
        self._doubted = False
        self._was_below = False

    def decide(self, evaluation: Evaluation) -> GuardDecision:
        """Judge the KL: NaN exceeds every budget; without a KL nothing is decided."""
        kl, error = evaluation.kl, evaluation.kl_error or 0.0
        if kl is None:
            return GuardDecision(best=self._best(is_below=False))
        if kl < self._limit:
            self._was_below = True
            return GuardDecision(best=self._best(is_below=True), warning=self._warn_once(kl, error))
        if kl - _ERRORS * error < self._warn:
            return GuardDecision(
                best=self._best(is_below=False), warning=self._doubt_once(kl, error)
            )
        return self._act(f"KL to base {_measured(kl, error)} exceeds the budget of {self._limit:g}")

    def state_dict(self) -> dict[str, Any]:
        """Which messages were sent."""
        return {
            "warned": self._warned,
            "asked": self._asked,
            "doubted": self._doubted,
            "was_below": self._was_below,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Do not repeat messages after a resume."""
        self._warned, self._asked = state["warned"], state["asked"]
        self._doubted, self._was_below = state["doubted"], state["was_below"]

    def _act(self, exceeded: str) -> GuardDecision:
        match self._action:
            case "stop":
                return GuardDecision(stop=exceeded)
            case "rollback":
                return GuardDecision(best=False, stop=f"{exceeded}; {self._rollback()}")
            case "ask" if not self._asked:
                self._asked = True
                return GuardDecision(pause=exceeded)
            case _:
                return GuardDecision()

    def _best(self, *, is_below: bool) -> bool | None:
        """An opinion on the weights, where there may be a rollback."""
        return is_below if self._action == "rollback" else None

    def _rollback(self) -> str:
        if self._was_below:
            return "rolling back to the last model below it"
        return "no model was below it, so there is nothing to roll back to"

    def _warn_once(self, kl: float, error: float) -> str:
        """Warn when the KL rises to the warning level; again only after it was lower."""
        above = kl >= self._warn
        is_new = above and not self._warned
        self._warned = above
        if not is_new:
            return ""
        return (
            f"KL to base {_measured(kl, error)} is over {self._warn:g}; the limit is "
            f"{self._limit:g}"
        )

    def _doubt_once(self, kl: float, error: float) -> str:
        """Say once why the run continues beyond the limit."""
        if self._doubted:
            return ""
        self._doubted = True
        return (
            f"KL to base {_measured(kl, error)} is over the budget of {self._limit:g}, but on so "
            f"few rows it may be below {self._warn:g}; raise evaluation.retention_rows"
        )


def _measured(kl: float, error: float) -> str:
    spread = f" ± {error:.3f}" if error else ""
    return f"{kl:.3f}{spread} nats per token"
