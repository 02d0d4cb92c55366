"""OSF: train only the singular directions that a model uses least (arXiv 2504.07097)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.core.errors import BadInputError
from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.strategies.peft_base import PeftStrategy
from workbench.strategies.targets import TARGETS_SYNTAX, Targets, linear_modules, pick_targets

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from workbench.models.model_facts import ModelFacts


class OsfStrategy(PeftStrategy):
    """Train the weakest singular directions of each matrix, kept orthogonal to the others."""

    card: ClassVar[Card] = Card(
        title="OSF",
        does=(
            "Decomposes every matrix by its singular values, freezes the strongest directions and "
            "trains the rest with gradients orthogonal to them."
        ),
        costs=(
            "A singular value decomposition of every matrix at the start, seconds for a small "
            "model and many minutes for a large one; then memory and disk comparable to full "
            "fine-tuning, because the trained half is kept beside its start."
        ),
        forgets=(
            "Least of all methods that learn in PEFT's public benchmark: .017 nats/token, with a "
            "lower task score (.427 against .478 for LoRA). That is one model and one seed, not a "
            "promise: gradients are projected, but AdamW rescales them, so part of each step leaks "
            "into the frozen directions; with sgd it does not."
        ),
    )
    risk_points: ClassVar[float] = -0.5

    kind: Literal["osf"] = field(
        "osf", title="Strategy", help="Learn only in the directions the model uses least."
    )
    effective_rank: float = field(
        0.5,
        title="Frozen share",
        help="Share of each matrix's singular directions that is frozen; more forgets less.",
        gt=0,
        lt=1,
    )
    target_modules: Targets = field(
        "all-linear",
        title="Targets",
        help=f"Which matrices are decomposed: {TARGETS_SYNTAX}.",
    )

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """For each free direction its left and right singular vector and its singular value.

        Raises:
            BadInputError: Nothing is targeted, or PEFT's OSF cannot handle the matrices.
        """
        if facts.transposed:
            raise BadInputError(
                f"strategy.kind: osf does not work on {facts.model_type}, whose matrices are "
                "stored transposed; use lora"
            )
        names = pick_targets(self.target_modules, facts.linears())
        return sum(self._free_parameters(*facts.features(name)) for name in names)

    def config(self, model: PreTrainedModel) -> PeftConfig:
        """An OSF config that lists every targeted matrix by its full name."""
        from peft import OSFConfig

        return OSFConfig(
            task_type="CAUSAL_LM",
            effective_rank=self.effective_rank,
            target_modules=sorted(pick_targets(self.target_modules, linear_modules(model))),
        )

    def _free_parameters(self, inputs: int, outputs: int) -> int:
        rank = min(inputs, outputs)
        free = rank - int(rank * self.effective_rank)
        if free == rank:
            raise BadInputError(
                f"strategy.effective_rank: {self.effective_rank} of {rank} directions freezes "
                "none; raise it"
            )
        return free * (inputs + outputs + 1)
