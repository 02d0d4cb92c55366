"""KL to the base: on general text the model should predict what the base predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.retention.base import GeneralProtection, saturating

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.recipe import Recipe
    from workbench.retention.base import BaseContext, Guard
    from workbench.retention.penalties.kl import BasePredictions, TopTokens
    from workbench.strategies.base import Strategy


class KlProtection(GeneralProtection):
    """Add beta · KL(p_base ‖ p_tuned) on general text to the loss.

    Where the model in training contains the untouched base, the base's predictions come from
    switching the adapter off, and the KL is exact. Otherwise the base's ``top_tokens`` most likely
    tokens, with all others merged into one, are stored before training: a lower bound of the KL.
    """

    kind: ClassVar[str] = "kl"
    card: ClassVar[Card] = Card(
        title="KL to base",
        does="Adds the distance from the base's own predictions on general text to the loss.",
        costs=(
            "Each step also reads some general rows: two more forward passes with an adapter (base "
            "and tuned), otherwise one more, after one pass of the base over all general rows "
            "before training."
        ),
        forgets=(
            "It protects what the general text covers and nothing else; on other text the model is "
            "free to drift."
        ),
    )

    strength: float = field(
        0.5,
        title="Strength",
        help="Beta: weight of the KL in the loss; 0.1 to 1 is usual.",
        gt=0,
        le=1000,
    )
    batch_size: int = field(
        4,
        title="Rows per step",
        help="General rows read with each micro batch.",
        unit="rows",
        advanced=True,
        ge=1,
        le=4096,
    )
    top_tokens: int = field(
        64,
        title="Top tokens",
        help="Most likely tokens of the base to store, when training changes the base's weights.",
        unit="tokens",
        advanced=True,
        ge=1,
        le=100_000,
    )

    def relief(self, strategy: Strategy) -> float:
        """Measured at 0.5: two fifths of the KL to base were left."""
        del strategy
        return saturating(0.41, self.strength, 0.5)

    def extra_cost(self, recipe: Recipe, facts: ModelFacts) -> str:
        """The passes over general rows."""
        del facts
        passes = "2 forward passes" if recipe.strategy.keeps_base else "1 forward pass"
        return f"{passes} and 1 backward pass over {self.batch_size} more rows a step"

    def build_guard(self, context: BaseContext) -> Guard:
        """Store what the base predicts, unless it can be asked at any time."""
        from workbench.retention.penalties.kl import KlPenalty

        strategy = context.recipe.strategy
        rows = context.general_rows(self.source, self.rows)
        batches = context.batches(rows, self.batch_size)
        base: BasePredictions
        if strategy.keeps_base:
            base = strategy.disabled_adapter
        else:
            tensors = context.cached(
                "base-top-tokens",
                lambda: context.with_auto_batch_size(
                    "the predictions of the base",
                    self.batch_size,
                    lambda batch_size: self._predict(context, batches, batch_size),
                ),
                [(row.input_ids, row.labels) for row in rows],
                self.batch_size,
                self.top_tokens,
            )
            base = _unflatten(tensors, len(batches))
        return KlPenalty(
            self.strength, batches, context.logits, base, seed=context.recipe.training.seed
        )

    def _predict(
        self, context: BaseContext, batches: list[dict[str, Tensor]], batch_size: int
    ) -> dict[str, Tensor]:
        """The base's top tokens of every batch, as tensors named ``INDEX.FIELD``.

        Args:
            context: Has the base.
            batches: General text.
            batch_size: Most rows to read at once, for batches that do not fit in memory.
        """
        import torch

        from workbench.retention.penalties.kl import top_tokens

        tensors: dict[str, Tensor] = {}
        for index, batch in enumerate(batches):
            with torch.no_grad():
                parts = [
                    top_tokens(context.logits(context.base, part), self.top_tokens)._asdict()
                    for part in _row_parts(batch, batch_size)
                ]
            tensors |= {
                f"{index}.{name}": torch.cat([part[name] for part in parts]) for name in parts[0]
            }
            context.report("predictions of the base", index + 1, len(batches))
        return tensors


def _row_parts(batch: dict[str, Tensor], size: int) -> Iterator[dict[str, Tensor]]:
    for start in range(0, len(batch["input_ids"]), size):
        yield {name: tensor[start : start + size] for name, tensor in batch.items()}


def _unflatten(tensors: dict[str, Tensor], batches: int) -> list[TopTokens]:
    from workbench.retention.penalties.kl import TopTokens

    return [
        TopTokens(*(tensors[f"{index}.{name}"] for name in TopTokens._fields))
        for index in range(batches)
    ]
