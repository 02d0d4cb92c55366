"""KL to the base: on general text the model is to answer as the base does."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from workbench.recipe.base import field
from workbench.recipe.registry import Card
from workbench.retention.base import GeneralProtection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from workbench.models.model_facts import ModelFacts
    from workbench.recipe.recipe import Recipe
    from workbench.retention.base import BaseContext, Guard
    from workbench.retention.penalties.kl import BaseAnswers, TopTokens


class KlProtection(GeneralProtection):
    """Add beta times KL(p_base ‖ p_tuned) on general text to the loss.

    Where the model in training holds the untouched base, the base answers by switching the adapter
    off and the KL is exact. Elsewhere its ``top_tokens`` most likely tokens and the rest as one
    are kept from before training, and the KL is a lower bound.
    """

    kind: ClassVar[str] = "kl"
    card: ClassVar[Card] = Card(
        title="KL to base",
        does="Adds the distance from the base's own predictions on general text to the loss.",
        costs=(
            "Each step also reads some general rows: with an adapter twice more (base and tuned), "
            "else once more after a pass of the base over all of them before training."
        ),
        forgets=(
            "It holds what the general text asks for and nothing else; on text unlike it the model "
            "is free to drift."
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
        title="Rows a step",
        help="General rows read beside each micro batch.",
        unit="rows",
        advanced=True,
        ge=1,
        le=4096,
    )
    top_tokens: int = field(
        64,
        title="Tokens kept",
        help="Most likely tokens of the base that are kept where it is not at hand in training.",
        unit="tokens",
        advanced=True,
        ge=1,
        le=100_000,
    )

    def needs(self, recipe: Recipe, facts: ModelFacts) -> str:
        """The passes over general rows."""
        del facts
        passes = "2 forward passes" if recipe.strategy.keeps_base else "1 forward pass"
        return f"{passes} and 1 backward pass over {self.batch_size} more rows a step"

    def ready(self, context: BaseContext) -> Guard:
        """Keep what the base predicts, unless it can be asked at any time."""
        from workbench.retention.penalties.kl import KlGuard

        strategy = context.recipe.strategy
        rows = context.general(self.source, self.rows)
        batches = context.batches(rows, self.batch_size)
        if strategy.keeps_base:
            base: BaseAnswers = strategy.disabled_adapter
        else:
            kept = context.cached(
                "base-top-tokens",
                lambda: context.in_parts(
                    "the predictions of the base",
                    self.batch_size,
                    lambda at_once: self._keep(context, batches, at_once),
                ),
                [(row.input_ids, row.labels) for row in rows],
                self.batch_size,
                self.top_tokens,
            )
            base = _unpacked(kept, len(batches))
        return KlGuard(
            self.strength, batches, context.logits, base, seed=context.recipe.training.seed
        )

    def _keep(
        self, context: BaseContext, batches: list[dict[str, Tensor]], at_once: int
    ) -> dict[str, Tensor]:
        """Tensors ``INDEX.NAME`` for each batch, read in parts of at most ``at_once`` rows."""
        import torch

        from workbench.retention.penalties.kl import top_tokens

        kept: dict[str, Tensor] = {}
        for index, batch in enumerate(batches):
            with torch.no_grad():
                parts = [
                    top_tokens(context.logits(context.base, part), self.top_tokens)._asdict()
                    for part in _row_parts(batch, at_once)
                ]
            kept |= {
                f"{index}.{name}": torch.cat([part[name] for part in parts]) for name in parts[0]
            }
            context.report("predictions of the base", index + 1, len(batches))
        return kept


def _row_parts(batch: dict[str, Tensor], at_once: int) -> Iterator[dict[str, Tensor]]:
    for row in range(0, len(batch["input_ids"]), at_once):
        yield {name: tensor[row : row + at_once] for name, tensor in batch.items()}


def _unpacked(kept: dict[str, Tensor], batches: int) -> list[TopTokens]:
    from workbench.retention.penalties.kl import TopTokens

    return [
        TopTokens(*(kept[f"{index}.{name}"] for name in TopTokens._fields))
        for index in range(batches)
    ]
