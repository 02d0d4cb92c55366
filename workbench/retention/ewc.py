"""EWC: weights that mattered for general text are held where they were (arXiv 1612.00796)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.retention.base import GeneralProtection
from workbench.retention.weight_penalty import WeightProtection

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor
    from torch.nn import Module

    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.recipe import Recipe
    from workbench.retention.base import BaseContext, Batch, Guard

_BATCH = 4
"""Rows whose gradients are squared together; the estimate is unbiased for any number."""


class EwcProtection(WeightProtection, GeneralProtection):
    """Hold each weight by its Fisher information on general text, with sampled labels.

    Half of the sum of F times the squared change predicts the KL to the base, so lambda is a
    number of nats of task loss that one nat of predicted forgetting is worth. With LoRA and QLoRA
    the change of the whole matrix is held, by a Fisher diagonal in Kronecker form.
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
            "The Fisher diagonal is right only near the base and takes weights for independent: "
            "AdamW moves them together, and then the KL to the base is over a thousand times what "
            "it predicts. So the strength is thousands, not tens; too much of it and the task is "
            "not learned either. tests/benchmarks/protections.py prints both, for one model."
        ),
    )

    strength: float = field(
        1e4,
        title="Strength",
        help="Lambda: nats of task loss that one nat per token of predicted KL is worth. The "
        "prediction is far too low under AdamW: try 1e3 to 1e5.",
        gt=0,
        le=1e9,
    )

    def needs(self, recipe: Recipe, facts: ModelFacts) -> str:
        """Fisher diagonal and starting weights, or the factors that stand for the former."""
        return super().needs(recipe, facts) or "two numbers for each input and output of a matrix"

    def ready(self, context: BaseContext) -> Guard:
        """Estimate the Fisher information, or read it where it was kept."""
        rows = context.general(self.source, self.rows)
        low_rank = context.recipe.strategy.delta_kind == "low_rank"
        estimate = self._kronecker if low_rank else self._diagonal
        fisher = context.cached(
            f"fisher-{'kronecker' if low_rank else 'diagonal'}",
            lambda: context.in_parts(
                "the Fisher information",
                _BATCH,
                lambda at_once: estimate(context, context.batches(rows, at_once)),
            ),
            [(row.input_ids, row.labels) for row in rows],
            context.recipe.training.seed,
        )
        return self.hold(context, fisher)

    def _diagonal(
        self, context: BaseContext, batches: list[dict[str, Tensor]]
    ) -> dict[str, Tensor]:
        from workbench.retention.penalties.fisher import clamp_at_quantile, diagonal_fisher

        seed = context.recipe.training.seed
        fisher = diagonal_fisher(
            lambda batch: context.logits(context.base, batch),
            dict(context.base.named_parameters()),
            batches,
            seed=seed,
            report=_told(context),
        )
        clamp_at_quantile(fisher, seed=seed)
        return fisher

    def _kronecker(
        self, context: BaseContext, batches: list[dict[str, Tensor]]
    ) -> dict[str, Tensor]:
        from workbench.retention.penalties.fisher import frozen_but_differentiable, kronecker_fisher

        def logits(batch: Batch) -> Tensor:
            return context.logits(context.base, batch)

        with frozen_but_differentiable(context.base):
            return kronecker_fisher(
                logits,
                _matrices(context.base),
                batches,
                seed=context.recipe.training.seed,
                report=_told(context),
            )


def _told(context: BaseContext) -> Callable[[int, int], None]:
    return lambda done, total: context.report("Fisher information", done, total)


def _matrices(model: Module) -> dict[str, Module]:
    """Every linear module but the output head; quantised ones are linear too."""
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()  # type: ignore[operator]
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, (Linear, Conv1D)) and module is not head
    }
