"""EWC: weights that matter for general text are pulled back to the base (arXiv 1612.00796)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from workbench.core.formatting import number
from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.retention.base import GeneralProtection, saturating
from workbench.retention.weight_penalty import WeightPenaltyProtection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.recipe import Recipe
    from workbench.retention.base import BaseContext, GeneralRow, Guard
    from workbench.strategies.base import Strategy

_BATCH_SIZE = 4
"""Rows whose gradients are squared together; the estimate is unbiased for any batch size."""
_WEIGHTS_STRENGTH, _LOW_RANK_STRENGTH = 1e4, 300.0
"""Default lambda for whole weights and for LoRA."""


class EwcProtection(WeightPenaltyProtection, GeneralProtection):
    """Penalise the change of each weight by its Fisher information on general text.

    The penalty is lambda/2 · Σ F·(theta - theta₀)². Half of the sum predicts the KL to the base in
    nats per token (Fisher information with sampled labels, see
    :mod:`workbench.retention.penalties.fisher`), so lambda is the number of nats of task loss that
    one nat of predicted forgetting is worth. With LoRA and QLoRA the change of the whole matrix is
    penalised, with the Fisher diagonal in Kronecker-factored form.
    """

    kind: ClassVar[str] = "ewc"
    copies: ClassVar[int] = 2
    card: ClassVar[Card] = Card(
        title="EWC",
        does="Holds each weight of the base as firmly as it matters for general text.",
        costs=(
            "Before training a forward and backward pass over the general rows, once for each "
            "model and dataset. While training 8 bytes for each trained weight of the base; next "
            "to nothing with LoRA."
        ),
        forgets=(
            "The Fisher diagonal treats weights as independent and holds only near the base. It "
            "predicts the KL of a random change of the weights, but far too little for AdamW's "
            "steps, which move all weights together: read the strength as a setting, not as nats. "
            "With too much of it the task is not learned either. In short runs the proximal form "
            "holds on harder than the term of the loss."
        ),
    )

    strength: float | None = field(
        None,
        title="Strength",
        empty="by strategy",
        help="Lambda: nats of task loss that one nat per token of predicted KL is worth. If empty, "
        f"{number(_LOW_RANK_STRENGTH)} for LoRA and QLoRA, where 100 to 1000 is useful, and "
        f"{number(_WEIGHTS_STRENGTH)} for whole weights.",
        gt=0,
        le=1e9,
    )

    def strength_for(self, strategy: Strategy) -> float:
        """The recipe's, or the default for whole weights or for low-rank products."""
        if self.strength is not None:
            return self.strength
        return _LOW_RANK_STRENGTH if strategy.delta_kind == "low_rank" else _WEIGHTS_STRENGTH

    def relief(self, strategy: Strategy) -> float:
        """Measured at the default strengths, in both forms."""
        strength = self.strength_for(strategy)
        if strategy.delta_kind == "low_rank":
            return saturating(0.22, strength, _LOW_RANK_STRENGTH)
        measured = 0.78 if self.apply == "loss" else 1.2
        return saturating(measured, strength, _WEIGHTS_STRENGTH)

    def extra_cost(self, recipe: Recipe, facts: ModelFacts) -> str:
        """The Fisher diagonal and the starting weights, or the Kronecker factors."""
        kronecker = "two numbers for each input and output of a matrix"
        return super().extra_cost(recipe, facts) or kronecker

    def build_guard(self, context: BaseContext) -> Guard:
        """Estimate the base's Fisher information on general text, or read it from the cache."""
        rows = context.general_rows(self.source, self.rows)
        low_rank = context.recipe.strategy.delta_kind == "low_rank"

        def estimate(batch_size: int) -> dict[str, Tensor]:
            return (
                _kronecker(context, rows, batch_size)
                if low_rank
                else _diagonal(context, rows, batch_size)
            )

        fisher = context.cached(
            f"fisher-{'kronecker' if low_rank else 'diagonal'}",
            lambda: context.with_auto_batch_size("the Fisher information", _BATCH_SIZE, estimate),
            [(row.input_ids, row.labels) for row in rows],
            context.recipe.training.seed,
        )
        return self.penalty_guard(context, fisher)


def _diagonal(
    context: BaseContext, rows: Sequence[GeneralRow], batch_size: int
) -> dict[str, Tensor]:
    """One number per weight of the base."""
    from workbench.retention.penalties.fisher import diagonal_fisher

    return diagonal_fisher(
        lambda batch: context.logits(context.base, batch),
        dict(context.base.named_parameters()),
        context.batches(rows, batch_size),
        seed=context.recipe.training.seed,
        report=lambda done, total: context.report("Fisher information", done, total),
    )


def _kronecker(
    context: BaseContext, rows: Sequence[GeneralRow], batch_size: int
) -> dict[str, Tensor]:
    """Two vectors per matrix of the base."""
    from workbench.retention.penalties.fisher import frozen_but_differentiable, kronecker_fisher
    from workbench.strategies.targets import linear_modules

    with frozen_but_differentiable(context.base):
        return kronecker_fisher(
            lambda batch: context.logits(context.base, batch),
            linear_modules(context.base),
            context.batches(rows, batch_size),
            seed=context.recipe.training.seed,
            report=lambda done, total: context.report("Fisher information", done, total),
        )
