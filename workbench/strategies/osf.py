"""OSF: learning only in the directions that the model uses least (arXiv 2504.07097)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from workbench.core.errors import BadInputError
from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.strategies.peft_base import PeftStrategy
from workbench.strategies.targets import Targets, linear_modules, pick_targets

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedModel

    from workbench.models.model_facts import ModelFacts


class OsfStrategy(PeftStrategy):
    """Train the weakest singular directions of each matrix, kept orthogonal to the others."""

    card: ClassVar[Card] = Card(
        title="OSF",
        does=(
            "Splits every matrix by its singular values, freezes the strongest directions and "
            "trains the rest with gradients at right angles to them."
        ),
        costs=(
            "A singular value decomposition of every matrix at the start, seconds for a small "
            "model and many minutes for a large one; then memory and disk in the order of full "
            "fine-tuning, since the trained half is kept beside its start."
        ),
        forgets=(
            "Least of all methods that learn in PEFT's public benchmark: .017 nats/token, with a "
            "lower task score (.427 against .478 for LoRA). One model and one seed, no promise: "
            "gradients are projected, and AdamW's own scaling lets a part of each step back into "
            "the frozen directions; sgd does not."
        ),
    )

    kind: Literal["osf"] = field(
        "osf", title="Strategy", help="Learn only in the directions the model uses least."
    )
    effective_rank: float = field(
        0.5,
        title="Kept share",
        help="Share of each matrix' singular directions that is frozen; more forgets less.",
        gt=0,
        lt=1,
    )
    target_modules: Targets = field(
        "all-linear",
        title="Targets",
        help=(
            "Which matrices: all-linear, attention, mlp, names such as q_proj, or re: and a "
            "regular expression."
        ),
    )

    def trainable_parameters(self, facts: ModelFacts) -> int:
        """The free singular vectors on both sides and their singular values.

        Raises:
            BadInputError: Nothing is targeted, or PEFT's OSF cannot work on the matrices.
        """
        if facts.transposed:
            raise BadInputError(
                f"strategy.kind: osf does not work on {facts.model_type}, whose matrices are "
                "stored transposed; use lora"
            )
        names = pick_targets(self.target_modules, facts.linears())
        return sum(self._free(*facts.features(name)) for name in names)

    def config(self, model: PreTrainedModel) -> PeftConfig:
        """Name every targeted matrix in full."""
        from peft import OSFConfig

        return OSFConfig(
            task_type="CAUSAL_LM",
            effective_rank=self.effective_rank,
            target_modules=sorted(pick_targets(self.target_modules, linear_modules(model))),
        )

    def _free(self, inputs: int, outputs: int) -> int:
        rank = min(inputs, outputs)
        free = rank - int(rank * self.effective_rank)
        if free == rank:
            raise BadInputError(
                f"strategy.effective_rank: {self.effective_rank} of {rank} directions keeps none; "
                "raise it"
            )
        return free * (inputs + outputs + 1)
